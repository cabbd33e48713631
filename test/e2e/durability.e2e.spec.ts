import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, plainHeaders, startSystem, type TestSystem } from '@assay/testing';
import { aSubmission, type DeadLetterBody, type JobBody } from './submissions.fixture.js';

/** Short leases and sessions: a killed process's work is taken over in seconds. */
const TUNING = {
  all: {
    ASSAY_LEASE_MS: '2000',
    ASSAY_SWEEP_INTERVAL_MS: '500',
    ASSAY_KAFKA_SESSION_TIMEOUT_MS: '6000',
    ASSAY_LOG_LEVEL: 'warn',
  },
  notifier: { ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '900', ASSAY_NOTIFIER_RECONCILE_INTERVAL_MS: '500' },
};
const SUBMISSIONS = 300;
const CALLERS = 12;
const LIMIT_MS = 240_000;
const SOURCES = ['submitter', 'other_submitter'] as const;
const SERVICES = ['ingest', 'validator', 'notifier', 'dead-letter'] as const;

interface Accepted {
  job_id: string;
  as: (typeof SOURCES)[number];
}

let system: TestSystem;
const accepted: Accepted[] = [];
const jobs = new Map<string, JobBody>();

/** Posts until the answer is a 2xx, as an upstream does: the idempotency key makes that safe. */
async function submit(number: number): Promise<Accepted> {
  // Both sources use the same numbers and keys; they must not meet.
  const as = SOURCES[number % SOURCES.length] ?? 'submitter';
  const changelist_id = Math.floor(number / SOURCES.length);
  const body = aSubmission({
    changelist_id,
    idempotency_key: `durable-${changelist_id}`,
    recipients: [
      { channel: 'email', address: `dana+${as}-${changelist_id}@example.com` },
      { channel: 'webhook', address: 'ci-bot' },
    ],
  });
  let attempt = 0;
  return eventually(
    async () => {
      const replicas = system.services.of('ingest');
      const url = replicas[attempt++ % replicas.length]?.url;
      const { body: answer, status } = await system.call('/v1/reviews', { body, as, url });
      expect([200, 202]).toContain(status);
      return { job_id: (answer as JobBody).job_id, as };
    },
    { within_ms: 60_000 },
  );
}

async function submitAll(): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < SUBMISSIONS) accepted.push(await submit(next++));
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

/** Waits until some more submissions are in, so that every blow falls amid work. */
async function until(count: number): Promise<void> {
  const enough = Math.min(count, SUBMISSIONS);
  await eventually(() => expect(accepted.length).toBeGreaterThanOrEqual(enough), { within_ms: 120_000 });
}

/** Kills a replica of every service in turn, and restarts Kafka and Postgres once, while submissions come in. */
async function strike(): Promise<void> {
  const step = SUBMISSIONS / (SERVICES.length + 3);
  let at = step;
  for (const [index, service] of SERVICES.entries()) {
    await until(at);
    const replica = system.services.of(service)[index % 2];
    if (replica !== undefined) await system.services.restart(replica, 'SIGKILL');
    at += step;
    if (index === 0) await system.host?.restart('kafka', 500);
    if (index === 1) await system.host?.restart('postgres', 500);
  }
}

async function settled({ as, job_id }: Accepted): Promise<JobBody> {
  return eventually(
    async () => {
      const { body, status } = await system.call(`/v1/reviews/${job_id}?wait_s=5`, { as });
      expect([status, (body as JobBody).settled_at]).toEqual([200, expect.any(String)]);
      return body as JobBody;
    },
    { within_ms: 90_000 },
  );
}

beforeAll(async () => {
  system = await startSystem({ replicas: 2, own_stack: true, tuning: TUNING });
}, LIMIT_MS);
afterAll(() => system.close(), LIMIT_MS);

describe('300 submissions of two sources while everything is killed once', () => {
  it(
    'GEN-5.a GEN-5.b ends every accepted job, or keeps it under an open dead letter',
    async () => {
      await Promise.all([submitAll(), strike()]);
      expect(new Set(accepted.map((each) => each.job_id)).size).toBe(SUBMISSIONS);
      for (const each of accepted) jobs.set(each.job_id, await settled(each));
      const failed = [...jobs.values()].filter((job) => job.state !== 'succeeded');
      const { body } = await system.call('/v1/dead-letters?state=open&limit=200', {
        url: system.services.of('dead-letter')[0]?.url,
        as: 'operator',
      });
      const kept = new Set((body as DeadLetterBody).items.map((item) => item.job_id));
      for (const job of failed) expect([job.state, kept.has(job.job_id)]).toEqual(['failed', true]);
    },
    LIMIT_MS,
  );

  it('DEL-13.b delivers each webhook under one id with one body', async () => {
    const webhooks = await system.sinks.webhooks();
    const byId = new Map<string, Set<string>>();
    for (const { body, headers } of webhooks) {
      const id = headers['webhook-id'] ?? '';
      byId.set(id, (byId.get(id) ?? new Set()).add(body));
    }
    for (const bodies of byId.values()) expect(bodies.size).toBe(1);
    const told = [...byId.values()].map(([body]) => (JSON.parse(body ?? '{}') as { data: JobBody }).data.job_id);
    expect(told.sort()).toEqual([...jobs.keys()].sort());
  });

  it('DEL-13.b delivers each mail once or marks it unknown, and never loses one unmarked', async () => {
    const mails = await system.sinks.mails();
    for (const job of jobs.values()) {
      const own = mails.filter((mail) => mail.text.includes(job.job_id)).length;
      const states = job.deliveries.by_channel['email'] ?? {};
      const outcome = { sent: states['sent'] ?? 0, unknown: states['unknown'] ?? 0 };
      expect(outcome.sent + outcome.unknown).toBe(1);
      expect(own).toBeLessThanOrEqual(1);
      if (outcome.sent === 1) expect(own).toBe(1);
    }
  });

  it('ING-9.b tells downstream of each end once, after deduplication by id', async () => {
    const ends = new Map<string, string>();
    const consumer = system.kafka.consumer({ groupId: `${system.topic_prefix}-reader` });
    await consumer.connect();
    await consumer.subscribe({ topic: `${system.topic_prefix}.review.settled.v1`, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        const { generation, job_id } = JSON.parse(message.value?.toString() ?? '{}') as Record<string, unknown>;
        ends.set(plainHeaders(message.headers)['ce_id'] ?? '', `${String(job_id)} ${String(generation)}`);
        return Promise.resolve();
      },
    });
    const expected = [...jobs.keys()].map((job_id) => `${job_id} 0`).sort();
    await eventually(() => expect([...ends.values()].sort()).toEqual(expected), { within_ms: 30_000 });
    await consumer.disconnect();
  }, 60_000);

  it('GEN-8.b shows nothing of one source to the other', async () => {
    for (const { as, job_id } of accepted) {
      const other = as === 'submitter' ? 'other_submitter' : 'submitter';
      expect((await system.call(`/v1/reviews/${job_id}`, { as: other })).status).toBe(404);
    }
  }, 60_000);
});
