import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReviewSettled } from '@assay/contracts';
import { eventually, startSystem, type TestSystem } from '@assay/testing';
import { readTopic } from '../faults/read-topic.js';
import { aSubmission, type JobBody } from './submissions.fixture.js';

/** A job is reminded of after a second, and given up some four seconds later. */
const TUNING = {
  all: { ASSAY_LEASE_MS: '2000', ASSAY_SWEEP_INTERVAL_MS: '500', ASSAY_KAFKA_SESSION_TIMEOUT_MS: '6000' },
  ingest: { ASSAY_NO_NEWS_MS: '1000' },
  notifier: { ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '900', ASSAY_NOTIFIER_RECONCILE_INTERVAL_MS: '500' },
};
const LIMIT_MS = 120_000;

interface Letter {
  error_class: string;
  state: string;
  transitions: { to_state: string; cause: string }[];
}

let system: TestSystem;
beforeAll(async () => {
  system = await startSystem({ tuning: TUNING });
}, LIMIT_MS);
afterAll(() => system.close(), LIMIT_MS);

async function submit(): Promise<JobBody> {
  const recipients = [
    { channel: 'email', address: 'dana@example.com' },
    { channel: 'webhook', address: 'ci-bot' },
  ];
  const { body, status } = await system.call('/v1/reviews', { body: aSubmission({ recipients }) });
  expect(status).toBe(202);
  return body as JobBody;
}

/** The job once it is in that state. */
function reaches({ job_id }: JobBody, state: string): Promise<JobBody> {
  return eventually(
    async () => {
      const { body } = await system.call(`/v1/reviews/${job_id}?wait_s=5`);
      expect((body as JobBody).state).toBe(state);
      return body as JobBody;
    },
    { within_ms: 60_000 },
  );
}

/** The one dead letter of the job, once it is in that state. */
function letterOf({ job_id }: JobBody, state: string): Promise<Letter> {
  const { url } = system.services.of('dead-letter')[0]!;
  return eventually(
    async () => {
      const found = await system.call(`/v1/dead-letters?text=${job_id}`, { url, as: 'operator' });
      const { items } = found.body as { items: { id: string; state: string }[] };
      expect(items.map((item) => item.state)).toEqual([state]);
      const { body } = await system.call(`/v1/dead-letters/${items[0]!.id}`, { url, as: 'operator' });
      return body as Letter;
    },
    { within_ms: 60_000 },
  );
}

/** How often each recipient was told: mails, and webhooks by their id. */
async function told({ job_id }: JobBody): Promise<{ mails: number; webhooks: number }> {
  const [mails, webhooks] = await Promise.all([system.sinks.mails(), system.sinks.webhooks()]);
  const own = webhooks.filter(({ body }) => body.includes(job_id));
  return {
    mails: mails.filter(({ text }) => text.includes(job_id)).length,
    webhooks: new Set(own.map(({ headers }) => headers['webhook-id'])).size,
  };
}

/** What downstream was told of the job, by revision, repetitions left out. */
async function endsOf({ job_id }: JobBody): Promise<ReviewSettled[]> {
  const records = await readTopic(system.kafka, `${system.topic_prefix}.review.settled.v1`);
  const ends = records.map(({ value }) => JSON.parse(String(value)) as ReviewSettled);
  const by_revision = new Map(ends.filter((end) => end.job_id === job_id).map((end) => [end.revision, end]));
  return [...by_revision.values()].sort((a, b) => a.revision - b.revision);
}

describe('a service that is away until its jobs are given up', () => {
  it.each(['validator', 'notifier'] as const)(
    'ING-11.c, ING-11.d the %s: back again, it takes them to their end, and tells everybody once',
    async (service) => {
      const away = system.services.of(service)[0]!.process;
      away.kill('SIGSTOP');
      const job = await submit();
      expect((await reaches(job, 'failed')).timeline.at(-1)).toMatchObject({ service: 'ingest', cause: 'no_news' });
      expect(await letterOf(job, 'open')).toMatchObject({ error_class: 'NO_NEWS' });
      expect(await told(job)).toEqual({ mails: 0, webhooks: 0 });

      away.kill('SIGCONT');
      await reaches(job, 'succeeded');
      const letter = await letterOf(job, 'resolved');
      expect(letter.transitions.at(-1)).toMatchObject({ to_state: 'resolved', cause: 'news_arrived' });
      expect(await told(job)).toEqual({ mails: 1, webhooks: 1 });
      const ends = await eventually(async () => {
        const found = await endsOf(job);
        expect(found.length).toBeGreaterThanOrEqual(2);
        return found;
      });
      expect(ends[0]).toMatchObject({ state: 'failed', given_up: true, generation: 0 });
      expect(ends.at(-1)).toMatchObject({ state: 'succeeded', given_up: false, generation: 0 });
    },
    LIMIT_MS,
  );
});
