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

type ServiceName = Parameters<TestSystem['services']['of']>[0];

interface Accepted {
  job_id: string;
  hopeless: boolean;
  as: (typeof SOURCES)[number];
}

let system: TestSystem;
const accepted: Accepted[] = [];
const jobs = new Map<string, JobBody>();

/** One in ten cannot succeed, so that dead letters are under way too when their service is killed. */
function isHopeless(number: number): boolean {
  return number % 10 === 9;
}

/** Posts until the answer is a 2xx, as an upstream does: the idempotency key makes that safe. */
async function submit(number: number): Promise<Accepted> {
  // Both sources use the same numbers and keys; they must not meet.
  const as = SOURCES[number % SOURCES.length] ?? 'submitter';
  const changelist_id = Math.floor(number / SOURCES.length);
  const body = aSubmission({
    changelist_id,
    ...(isHopeless(number) ? { review_result: 'Sure! Here is my review:' } : {}),
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
      return { job_id: (answer as JobBody).job_id, hopeless: isHopeless(number), as };
    },
    { within_ms: 60_000 },
  );
}

async function submitRange(from: number, to: number): Promise<void> {
  let next = from;
  const caller = async (): Promise<void> => {
    while (next < to) accepted.push(await submit(next++));
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

async function kill(service: ServiceName, index: number): Promise<void> {
  const replica = system.services.of(service)[index];
  if (replica === undefined) throw new Error(`${service} has no replica ${index}`);
  await system.services.restart(replica, 'SIGKILL');
}

/** Every service, Kafka and Postgres; a replica of each kind is left, as in a cluster. */
const BLOWS: (() => Promise<void>)[] = [
  () => kill('ingest', 0),
  async () => system.host?.restart('kafka', 500),
  () => kill('validator', 1),
  async () => system.host?.restart('postgres', 500),
  () => kill('notifier', 0),
  () => kill('dead-letter', 1),
];

/** Each blow falls amid a share of the submissions: some of it is under way, some still comes in. */
async function submitUnderBlows(): Promise<void> {
  const share = SUBMISSIONS / BLOWS.length;
  for (const [index, blow] of BLOWS.entries()) {
    const from = index * share;
    const submitting = submitRange(from, from + share);
    await eventually(() => expect(accepted.length).toBeGreaterThanOrEqual(from + share / 3), { within_ms: 60_000 });
    await Promise.all([blow(), submitting]);
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

/** Jobs under an open dead letter, once there are so many; their service may be a moment behind. */
function openDeadLetters(count: number): Promise<Set<string | null>> {
  const url = system.services.of('dead-letter')[0]?.url;
  return eventually(async () => {
    const { body } = await system.call('/v1/dead-letters?state=open&limit=200', { url, as: 'operator' });
    const kept = new Set((body as DeadLetterBody).items.map((item) => item.job_id));
    expect(kept.size).toBeGreaterThanOrEqual(count);
    return kept;
  });
}

/** The jobs that have something to deliver. */
function hopeful(): JobBody[] {
  return accepted.filter((each) => !each.hopeless).flatMap(({ job_id }) => jobs.get(job_id) ?? []);
}

beforeAll(async () => {
  system = await startSystem({ replicas: 2, own_stack: true, tuning: TUNING });
}, LIMIT_MS);
afterAll(() => system.close(), LIMIT_MS);

describe('300 submissions of two sources while everything is killed once', () => {
  it(
    'GEN-5.a GEN-5.b ends every accepted job, or keeps it under an open dead letter',
    async () => {
      await submitUnderBlows();
      expect(new Set(accepted.map((each) => each.job_id)).size).toBe(SUBMISSIONS);
      for (const each of accepted) jobs.set(each.job_id, await settled(each));
      const failed = [...jobs.values()].filter((job) => job.state !== 'succeeded');
      expect(failed.length).toBeGreaterThanOrEqual(accepted.filter((each) => each.hopeless).length);
      const kept = await openDeadLetters(failed.length);
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
    expect(told.sort()).toEqual(
      hopeful()
        .map((job) => job.job_id)
        .sort(),
    );
  });

  it('DEL-13.b delivers each mail once or marks it unknown, and never loses one unmarked', async () => {
    const mails = await system.sinks.mails();
    for (const job of hopeful()) {
      const own = mails.filter((mail) => mail.text.includes(job.job_id)).length;
      const states = job.deliveries.by_channel['email'] ?? {};
      const outcome = { sent: states['sent'] ?? 0, unknown: states['unknown'] ?? 0 };
      expect(outcome.sent + outcome.unknown).toBe(1);
      expect(own).toBeLessThanOrEqual(1);
      if (outcome.sent === 1) expect(own).toBe(1);
    }
  });

  it('tells downstream of each end once, after deduplication by id', async () => {
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
