import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReviewValidated } from '@assay/contracts';
import { eventually, startSystem, type TestSystem } from '@assay/testing';
import { aSubmission, type JobBody } from './submissions.fixture.js';

const LIMIT_MS = 120_000;
const RECIPIENTS = [
  { channel: 'email', address: 'reading@example.com' },
  { channel: 'webhook', address: 'team-chat' },
];
const FINDING = {
  ...{ id: 'F1', severity: 'HIGH', category: 'bug', title: 'Unchecked result', file: 'src/a.c', line: 0 },
  ...{ message: 'lookup() may answer null here.', confidence: null },
};
const RESULT = {
  schema_version: '1.0',
  prompt_version: '1.0.0',
  findings: [FINDING, { ...FINDING, id: 'F2', line: 7 }],
};
const FENCED = `\`\`\`json\n${JSON.stringify(RESULT)}\n\`\`\``;
const CUT_OFF = JSON.stringify(RESULT).slice(0, -20);

type Job = JobBody & { generation: number; reading: string | null; truncated: boolean | null };

const directory = mkdtempSync(join(tmpdir(), 'assay-e2e-'));
const policy_file = join(directory, 'review-policy.json');
const readBy = (policy: object) => writeFileSync(policy_file, JSON.stringify(policy));
let system: TestSystem;

beforeAll(async () => {
  readBy({ reading: 'strict' });
  system = await startSystem({ tuning: { validator: { ASSAY_REVIEW_POLICY_FILE: policy_file } } });
}, LIMIT_MS);
afterAll(async () => {
  await system.close();
  rmSync(directory, { recursive: true });
}, LIMIT_MS);

async function submit(review_result: string): Promise<Job> {
  const body = aSubmission({ review_result, changed_files: ['src/a.c'], recipients: RECIPIENTS });
  const answer = await system.call('/v1/reviews', { body });
  expect(answer.status).toBe(202);
  return settled((answer.body as Job).job_id, 0);
}

/** The job at the end of a generation, its verdict heard: news of the end may come before it. */
function settled(job_id: string, generation: number): Promise<Job> {
  return eventually(
    async () => {
      const { body } = await system.call(`/v1/reviews/${job_id}?wait_s=5`);
      expect(body).toMatchObject({ generation, settled_at: expect.any(String), counts: { kept: expect.any(Number) } });
      return body as Job;
    },
    { within_ms: 60_000 },
  );
}

async function operate<T>(path: string, body?: object): Promise<T> {
  const { url } = system.services.of('dead-letter')[0]!;
  const answer = await system.call(path, { url, as: 'operator', body });
  expect(answer.status).toBeLessThan(300);
  return answer.body as T;
}

/** Replays a job's only dead letter, with the policy as evidence. */
async function replay(job_id: string): Promise<void> {
  const letter = await eventually(async () => {
    const { items } = await operate<{ items: { id: string }[] }>(`/v1/dead-letters?text=${job_id}`);
    expect(items).toHaveLength(1);
    return items[0]!;
  });
  await operate(`/v1/dead-letters/${letter.id}/triage`, {});
  await operate(`/v1/dead-letters/${letter.id}/evidence`, { type: 'note', text: 'the policy is lenient now' });
  const plan = { dead_letter_ids: [letter.id], action: 'replay', items_per_second: 50 };
  const { id } = await operate<{ id: string }>('/v1/replay-plans', plan);
  await operate(`/v1/replay-plans/${id}/execute`, {});
}

/** What a public topic tells of a job, read from its beginning by a client outside our code. */
async function told<T>(topic: string, job_id: string, times: number): Promise<T[]> {
  const found = new Map<string, T>();
  const consumer = system.kafka.consumer({ groupId: `${system.topic_prefix}-${topic}-${job_id}` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic: `${system.topic_prefix}.${topic}.v1`, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        const text = String(message.value);
        if (text.includes(job_id)) found.set(String(message.headers?.['ce_id']), JSON.parse(text) as T);
        return Promise.resolve();
      },
    });
    await eventually(() => expect(found.size).toBe(times), { within_ms: 20_000 });
    return [...found.values()];
  } finally {
    await consumer.disconnect();
  }
}

const findings = async (job_id: string, generation: number) => {
  const { url } = system.services.of('validator')[0]!;
  return (await system.call(`/v1/reviews/${job_id}/findings?generation=${generation}`, { url })).body;
};

/** The mail and the webhook about a job. */
async function messages(job_id: string) {
  const [mail] = (await system.sinks.mails()).filter(({ text }) => text.includes(job_id));
  const [webhook] = (await system.sinks.webhooks()).filter(({ body }) => body.includes(job_id));
  return { mail: mail!, data: (JSON.parse(webhook!.body) as { data: Record<string, unknown> }).data };
}

describe('a policy that has become lenient', () => {
  it(
    'VAL-15.h has what the strict one rejected read anew by a replay, and each verdict says how it was read',
    async () => {
      const { job_id, ...rejected } = await submit(FENCED);
      expect(rejected).toMatchObject({ state: 'failed', reading: 'strict', truncated: false });
      readBy({ truncated: 'keep_complete' });
      await system.services.restart(system.services.of('validator')[0]!, 'SIGTERM');
      await replay(job_id);
      const job = await settled(job_id, 1);
      expect(job).toMatchObject({ state: 'succeeded', reading: 'lenient', truncated: false, counts: { kept: 2 } });
      const verdicts = (job.timeline as { event: string; generation?: number; reading?: string }[])
        .filter(({ event }) => event === 'review.validated')
        .map(({ generation, reading }) => [generation, reading]);
      expect(verdicts).toEqual([
        [0, 'strict'],
        [1, 'lenient'],
      ]);
      const events = await told<ReviewValidated>('review.validated', job_id, 2);
      expect(events.map(({ generation, reading }) => [generation, reading])).toEqual(verdicts);
      expect([await findings(job_id, 0), await findings(job_id, 1)]).toMatchObject([
        { outcome: 'rejected', reading: 'strict', explanation: { sub_reason: 'code_fence' } },
        { outcome: 'accepted', reading: 'lenient', explanation: null },
      ]);
      expect((await messages(job_id)).data).toMatchObject({
        reading: 'lenient',
        counts: { by_code: { code_fence_removed: 1, letter_case_folded: 2, alias_mapped: 2, null_removed: 2 } },
      });
    },
    LIMIT_MS,
  );

  it(
    'VAL-18.m VAL-18.k lists the ids whose line was defaulted, and every message names the file alone for them',
    async () => {
      const { job_id } = await submit(FENCED);
      const [validated] = await told<ReviewValidated>('review.validated', job_id, 1);
      expect(validated).toMatchObject({ lines_defaulted: ['F1'], result: { findings: [{ line: 1 }, { line: 7 }] } });
      const { mail, data } = await messages(job_id);
      expect(data).toMatchObject({ lines_defaulted: ['F1'] });
      const places = mail.text.match(/src\/a\.c\S*(?=  Unchecked result)/g);
      expect(places).toEqual(['src/a.c', 'src/a.c:7']);
    },
    LIMIT_MS,
  );

  it(
    'VAL-16.k VAL-16.j says in the job and in every message that a review which was cut off is not whole',
    async () => {
      const { job_id, ...job } = await submit(CUT_OFF);
      expect(job).toMatchObject({ state: 'succeeded', truncated: true, counts: { submitted: 1, kept: 1 } });
      const [validated] = await told<ReviewValidated>('review.validated', job_id, 1);
      expect(validated).toMatchObject({ truncated: true });
      const { mail, data } = await messages(job_id);
      expect(data).toMatchObject({ truncated: true });
      expect([mail.subject, mail.text]).toEqual([
        expect.stringMatching(/1 finding .*, cut off$/),
        expect.stringContaining('the review is not whole'),
      ]);
    },
    LIMIT_MS,
  );
});
