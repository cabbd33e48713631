import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, startSystem, type TestSystem } from '@assay/testing';
import { collectSpans, type CollectedSpan } from './span-collector.fixture.js';
import { aSubmission, type JobBody } from './submissions.fixture.js';

const LIMIT_MS = 120_000;
const QUIET = { within_ms: 30_000 };

let collector: Awaited<ReturnType<typeof collectSpans>>;
let system: TestSystem;
beforeAll(async () => {
  collector = await collectSpans();
  const all = { ASSAY_TRACES: 'otlp', ASSAY_TRACES_OTLP_URL: collector.url, ASSAY_TRACES_SAMPLE_RATIO: '1' };
  system = await startSystem({ tuning: { all } });
}, LIMIT_MS);
afterAll(async () => {
  await system.close();
  collector.close();
}, LIMIT_MS);

interface Caller {
  trace_id: string;
  correlation_id: string;
  headers: Record<string, string>;
}

function aCaller(): Caller {
  const trace_id = randomBytes(16).toString('hex');
  const correlation_id = `caller-${trace_id.slice(0, 8)}`;
  const traceparent = `00-${trace_id}-${randomBytes(8).toString('hex')}-01`;
  return { trace_id, correlation_id, headers: { traceparent, 'x-correlation-id': correlation_id } };
}

async function submit({ headers }: Caller, differs: Parameters<typeof aSubmission>[0] = {}): Promise<string> {
  const { status, body } = await system.call('/v1/reviews', { headers, body: aSubmission(differs) });
  expect(status).toBe(202);
  return (body as JobBody).job_id;
}

function settled(job_id: string, generation: number): Promise<JobBody> {
  return eventually(async () => {
    const { body } = await system.call(`/v1/reviews/${job_id}?wait_s=5`);
    expect(body).toMatchObject({ generation, settled_at: expect.any(String) });
    return body as JobBody;
  }, QUIET);
}

async function operate<T>(path: string, body?: object): Promise<T> {
  const { url } = system.services.of('dead-letter')[0]!;
  const answer = await system.call(path, { url, as: 'operator', body });
  expect(answer.status).toBeLessThan(300);
  return answer.body as T;
}

const linksTo = ({ links = [] }: CollectedSpan, trace_id: string) => links.some(({ traceId }) => traceId === trace_id);

/** Spans of a trace, and those of batches that are linked to it, as `service name`. */
function wayOf(trace_id: string): Set<string> {
  const own = collector.spans.filter((span) => span.traceId === trace_id || linksTo(span, trace_id));
  return new Set(own.map(({ service, name }) => `${service} ${name}`));
}

/** What an endpoint got about a job: trace and correlation id of each request. */
async function requestsAbout(job_id: string) {
  const hooks = (await system.sinks.webhooks()).filter(({ body }) => body.includes(job_id));
  return hooks.map(({ answered, headers }) => ({
    answered,
    trace_id: String(headers['traceparent']).split('-')[1],
    correlation_id: headers['x-correlation-id'],
  }));
}

const webhook = (address: string) => ({ recipients: [{ channel: 'webhook', address }] });

describe('one trace', () => {
  it('OBS-1.a OBS-1.b runs from the request over every service to the provider, across a retry', async () => {
    await system.sinks.behave('team-chat', { answer: 503, times: 1 });
    const caller = aCaller();
    const { trace_id, correlation_id } = caller;
    const job_id = await submit(caller, webhook('team-chat'));
    const job = await settled(job_id, 0);
    expect(job).toMatchObject({ state: 'succeeded', correlation_id });
    const of_both = { trace_id, correlation_id };
    expect(await requestsAbout(job_id)).toEqual([
      { answered: 503, ...of_both },
      { answered: 204, ...of_both },
    ]);
    const events = job.timeline.map(({ service, event }) => `${service} ${event}`);
    expect(events).toEqual(
      expect.arrayContaining(['validator review.validated', 'notifier stage.delayed', 'notifier delivery.settled']),
    );
    await eventually(() => {
      expect([...wayOf(trace_id)]).toEqual(
        expect.arrayContaining([
          'ingest POST /v1/reviews',
          'ingest publish',
          'validator consume review.submitted',
          'validator validate',
          'validator publish',
          'notifier consume review.validated',
          'notifier deliver',
          'notifier publish',
          'ingest consume delivery.settled',
        ]),
      );
      const sends = collector.spans.filter((span) => span.traceId === trace_id && span.name === 'deliver');
      expect(sends).toHaveLength(2);
    }, QUIET);
  });

  it('OBS-1.a goes on in the dead letter and in its replay', async () => {
    await system.sinks.behave('gone', { answer: 410 });
    const caller = aCaller();
    const { trace_id, correlation_id } = caller;
    const job_id = await submit(caller, webhook('gone'));
    expect(await settled(job_id, 0)).toMatchObject({ state: 'failed', correlation_id });
    const letter = await eventually(async () => {
      const { items } = await operate<{ items: { id: string }[] }>(`/v1/dead-letters?text=${job_id}`);
      expect(items).toHaveLength(1);
      return operate<Record<string, string>>(`/v1/dead-letters/${items[0]!.id}`);
    }, QUIET);
    expect(letter).toMatchObject({ correlation_id, traceparent: expect.stringContaining(trace_id) });

    await operate(`/v1/dead-letters/${letter['id']}/triage`, {});
    await operate(`/v1/dead-letters/${letter['id']}/evidence`, { type: 'note', text: 'set up again' });
    await system.sinks.behave('gone', {});
    const asked = { dead_letter_ids: [letter['id']], action: 'replay', items_per_second: 50 };
    const { id } = await operate<{ id: string }>('/v1/replay-plans', asked);
    await operate(`/v1/replay-plans/${id}/execute`, {});
    expect(await settled(job_id, 1)).toMatchObject({ state: 'succeeded', correlation_id });
    expect((await requestsAbout(job_id)).at(-1)).toEqual({ answered: 204, trace_id, correlation_id });
    await eventually(() => {
      expect([...wayOf(trace_id)]).toEqual(
        expect.arrayContaining([
          'dead-letter consume stage.dead_lettered',
          'dead-letter publish',
          'ingest consume replay.requested',
          'notifier consume replay.accepted',
          'dead-letter consume replay.accepted',
        ]),
      );
      const sends = collector.spans.filter((span) => span.traceId === trace_id && span.name === 'deliver');
      expect(sends).toHaveLength(2);
    }, QUIET);
  });

  it('OBS-1.a is linked, not made a parent, where events of several share a batch', async () => {
    const callers = Array.from({ length: 30 }, aCaller);
    const jobs = await Promise.all(callers.map((caller) => submit(caller, webhook('team-chat'))));
    await Promise.all(jobs.map((job_id) => settled(job_id, 0)));
    await eventually(() => {
      for (const { trace_id } of callers) {
        expect([...wayOf(trace_id)]).toEqual(
          expect.arrayContaining(['ingest publish', 'validator validate', 'notifier deliver']),
        );
      }
      const shared = collector.spans.filter(
        (span) => callers.filter(({ trace_id }) => linksTo(span, trace_id)).length > 1,
      );
      expect(shared.length).toBeGreaterThan(0);
      expect(shared.filter(({ parentSpanId }) => parentSpanId)).toEqual([]);
    }, QUIET);
  });
});

/** Each thing that OBS-2 names, as the traffic has moved it: a series that has counted, and its labels. */
const MOVED = {
  ingest: {
    assay_work_claims_total: 'queue,way',
    assay_work_items: 'queue,phase,state',
    assay_work_oldest_seconds: 'queue,phase,state',
    assay_kafka_publish_seconds_count: '',
    assay_kafka_consumer_lag_records: 'type,partition',
    assay_review_duration_seconds_count: 'state',
    assay_replays_total: 'outcome',
  },
  validator: {
    assay_coercions_total: 'code,version',
    assay_finding_drops_total: 'code,version',
    assay_rejections_total: 'code,version',
    assay_work_publications_total: 'result',
  },
  notifier: {
    assay_work_outcomes_total: 'queue,kind',
    assay_deliveries_total: 'channel,state',
    assay_delivery_sends_total: 'destination,verdict',
  },
  'dead-letter': {
    assay_dead_letters: 'class,state',
    assay_dead_letter_moves_total: 'stage,class,state',
    assay_replay_items_total: 'action,outcome',
  },
};

describe('metrics', () => {
  beforeAll(async () => {
    const rejected = await submit(aCaller(), { review_result: 'Sure! Here is my review:' });
    expect(await settled(rejected, 0)).toMatchObject({ state: 'failed' });
  }, LIMIT_MS);

  it.each(Object.entries(MOVED))('OBS-2.c of %s count what has passed', async (service, expected) => {
    const { probes_url } = system.services.of(service as keyof typeof MOVED)[0]!;
    await eventually(async () => {
      const { body } = await metricsAt(probes_url);
      const found = Object.keys(expected).map((name) => [name, labelsOf(body, name)]);
      expect(Object.fromEntries(found)).toEqual(expected);
    }, QUIET);
  });

  it('OBS-2.b name no job, trace or person in a label', async () => {
    for (const service of ['ingest', 'validator', 'notifier', 'dead-letter'] as const) {
      const { body } = await metricsAt(system.services.of(service)[0]!.probes_url);
      expect(body).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-|[0-9a-f]{32}|@/);
    }
  });
});

describe('logs', () => {
  it('OBS-3.b are lines of JSON, of which those about a job bear its correlation id and trace', async () => {
    const files = system.services.replicas.map(({ log_file }) => readFile(log_file, 'utf8'));
    const lines = (await Promise.all(files)).flatMap((text) => text.split('\n').filter(Boolean));
    const logged = lines.map((line) => JSON.parse(line) as Record<string, string>);
    for (const line of logged) {
      expect(line).toMatchObject({ time: expect.any(String), level: expect.any(String), event: expect.any(String) });
    }
    expect(logged.filter(({ event }) => event === 'runtime_warning')).toEqual([]);
    const about_jobs = logged.filter(({ job_id }) => job_id);
    expect(about_jobs.length).toBeGreaterThan(0);
    for (const line of about_jobs) {
      expect(line).toMatchObject({
        correlation_id: expect.any(String),
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      });
    }
  });
});

async function metricsAt(probes_url: string): Promise<{ body: string }> {
  const answer = await fetch(`${probes_url}/metrics`);
  expect(answer.status).toBe(200);
  return { body: await answer.text() };
}

/** The labels of a series of a metric, of a counter one that has counted; null where there is none. */
function labelsOf(text: string, name: string): string | null {
  const value = /_(total|count)$/.test(name) ? '[1-9]' : '\\d';
  const series = new RegExp(`^${name}(?:\\{(.*)\\})? ${value}`, 'm').exec(text);
  return series && [...(series[1] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label).join();
}
