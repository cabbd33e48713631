import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, plainHeaders, startSystem, type TestSystem } from '@assay/testing';
import { Webhook } from 'standardwebhooks';
import { aSubmission, type DeadLetterBody, type JobBody, type Submission } from './submissions.fixture.js';

const START_LIMIT_MS = 90_000;
const WAIT = 'wait_s=30';

let system: TestSystem;

beforeAll(async () => {
  system = await startSystem();
}, START_LIMIT_MS);
afterAll(() => system.close(), START_LIMIT_MS);

async function submitAndWait(submission: Submission, headers: Record<string, string> = {}): Promise<JobBody> {
  const accepted = await system.call('/v1/reviews', { body: submission, headers });
  expect([accepted.status, accepted.body]).toEqual([202, expect.objectContaining({ state: 'queued' })]);
  return settled((accepted.body as JobBody).job_id);
}

async function settled(job_id: string): Promise<JobBody> {
  const { body, status } = await system.call(`/v1/reviews/${job_id}?${WAIT}`);
  expect(status).toBe(200);
  expect((body as JobBody).settled_at).not.toBeNull();
  return body as JobBody;
}

/** The dead letters of one job; their service may be a moment behind the job's end. */
function deadLettersOf(job_id: string, count: number): Promise<DeadLetterBody['items']> {
  const [dead_letter] = system.services.of('dead-letter');
  return eventually(async () => {
    const { body } = await system.call('/v1/dead-letters', { url: dead_letter?.url, as: 'operator' });
    const own = (body as DeadLetterBody).items.filter((item) => item.job_id === job_id);
    expect(own).toHaveLength(count);
    return own;
  });
}

describe('a submission, from its POST to those concerned', () => {
  it('ING-2.a ING-8.a DEL-12.a tells every recipient what was kept, and counts what was not', async () => {
    const submission = aSubmission();
    const job = await submitAndWait(submission);
    expect(job.state).toBe('succeeded');
    expect(job.counts).toMatchObject({ submitted: 25, kept: 20, dropped: 5, coerced: 8 });
    expect(job.deliveries.by_channel).toEqual({ email: { sent: 2 }, webhook: { sent: 1 } });
    const mails = (await system.sinks.mails()).filter((mail) => mail.text.includes(job.job_id));
    const recipients = submission.recipients.filter((each) => each.channel === 'email').map((each) => each.address);
    expect(mails.flatMap((mail) => mail.envelope_to).sort()).toEqual(recipients.sort());
    for (const mail of mails) expect(mail.text).toContain('20 kept (8 coerced), 5 dropped');
    const webhooks = (await system.sinks.webhooks()).filter((webhook) => webhook.body.includes(job.job_id));
    expect(webhooks).toHaveLength(1);
  });

  it('DEL-5.b DEL-5.e signs the webhook as an independent Standard Webhooks library expects it', async () => {
    const job = await submitAndWait(aSubmission());
    const webhook = (await system.sinks.webhooks()).find((each) => each.body.includes(job.job_id));
    const { body = '', headers = {} } = webhook ?? {};
    const library = new Webhook(system.services.secrets.webhook_secret);
    expect(library.verify(body, headers)).toMatchObject({ type: 'review.findings' });
    expect(() => library.verify(body.replace('F01', 'F99'), headers)).toThrow('No matching signature found');
  });

  it('ING-3.a ING-3.b knows its idempotency key again', async () => {
    const submission = aSubmission();
    const { job_id } = await submitAndWait(submission);
    const again = await system.call('/v1/reviews', { body: submission });
    expect([again.status, (again.body as JobBody).job_id]).toEqual([200, job_id]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const other = await system.call('/v1/reviews', { body: { ...submission, priority: 9 } });
    expect([other.status, other.body]).toEqual([
      409,
      expect.objectContaining({ code: 'idempotency_key_reused', job_id }),
    ]);
  });

  it('OBS-1.a OBS-1.b carries one trace from the call to the receiver and to downstream', async () => {
    const trace_id = 'a'.repeat(31) + '1';
    const headers = { traceparent: `00-${trace_id}-${'b'.repeat(15)}1-01`, 'x-correlation-id': 'from-upstream-1' };
    const job = await submitAndWait(aSubmission(), headers);
    const webhook = (await system.sinks.webhooks()).find((each) => each.body.includes(job.job_id));
    expect(webhook?.headers['traceparent']).toContain(trace_id);
    const record = await settledRecord(job.job_id);
    expect(record['traceparent']).toContain(trace_id);
    const services = new Set(job.timeline.map((hop) => hop.service));
    expect([...services].sort()).toEqual(['ingest', 'notifier', 'validator']);
    expect(job.timeline.map((hop) => hop.at)).toEqual(job.timeline.map((hop) => hop.at).sort());
  });
});

/** Headers of the one `review.settled` about a job, read by a plain consumer from the beginning. */
async function settledRecord(job_id: string): Promise<Record<string, string>> {
  const found = new Map<string, Record<string, string>>();
  const consumer = system.kafka.consumer({ groupId: `${system.topic_prefix}-reader-${job_id}` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic: `${system.topic_prefix}.review.settled.v1`, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        const headers = plainHeaders(message.headers);
        if (message.value?.includes(job_id)) found.set(headers['ce_id'] ?? '', headers);
        return Promise.resolve();
      },
    });
    await eventually(() => expect(found.size).toBe(1), { within_ms: 20_000 });
    return [...found.values()][0] ?? {};
  } finally {
    await consumer.disconnect();
  }
}

describe('what cannot succeed', () => {
  it('VAL-2.a VAL-2.e keeps a review result that is not JSON as a dead letter of validation', async () => {
    const job = await submitAndWait(aSubmission({ review_result: 'Sure! Here is my review:' }));
    expect(job.state).toBe('failed');
    const [letter] = await deadLettersOf(job.job_id, 1);
    expect(letter).toMatchObject({
      stage: 'validate',
      error_class: 'INVALID_JSON',
      state: 'open',
      subject_type: 'job',
    });
  });

  it('ING-3.i ING-3.j takes it under the same key once it is mended, and resolves the dead letter', async () => {
    const submission = aSubmission({ review_result: 'Sure! Here is my review:' });
    const { job_id } = await submitAndWait(submission);
    await deadLettersOf(job_id, 1);
    const mended = await submitAndWait({ ...aSubmission(), idempotency_key: submission.idempotency_key });
    expect(mended).toMatchObject({ state: 'succeeded' });
    await eventually(async () => {
      const [letter] = await deadLettersOf(job_id, 1);
      expect(letter).toMatchObject({ stage: 'validate', state: 'resolved' });
    });
  });

  it('DEL-10.a ING-9.b keeps a delivery to a receiver that is gone, and tells the others', async () => {
    await system.sinks.behave('gone', { answer: 410 });
    const recipients = [
      { channel: 'email', address: 'dana@example.com' },
      { channel: 'webhook', address: 'gone' },
    ];
    const job = await submitAndWait(aSubmission({ recipients }));
    expect(job.state).toBe('failed');
    expect(job.deliveries.by_channel).toEqual({ email: { sent: 1 }, webhook: { failed_permanent: 1 } });
    const [letter] = await deadLettersOf(job.job_id, 1);
    expect(letter).toMatchObject({ stage: 'notify', subject_type: 'delivery', state: 'open' });
  });

  it('DEL-7.a retries a receiver that is away for a moment, and succeeds', async () => {
    await system.sinks.behave('team-chat', { answer: 503, times: 1 });
    const job = await submitAndWait(aSubmission({ recipients: [{ channel: 'webhook', address: 'team-chat' }] }));
    expect(job.state).toBe('succeeded');
    expect(job.timeline.map((hop) => hop.event)).toContain('stage.delayed');
    const requests = (await system.sinks.webhooks()).filter((each) => each.body.includes(job.job_id));
    expect(requests.map((each) => each.answered)).toEqual([503, 204]);
    expect(new Set(requests.map((each) => each.headers['webhook-id'])).size).toBe(1);
  });
});

describe('two sources', () => {
  it('GEN-8.a GEN-8.b SEC-6.e use the same changelist, version and key and never meet', async () => {
    const submission = aSubmission();
    const ours = await submitAndWait(submission);
    const theirs = await system.call('/v1/reviews', { body: submission, as: 'other_submitter' });
    const their_job = theirs.body as JobBody;
    expect([theirs.status, their_job.source]).toEqual([202, 'other']);
    expect(their_job.job_id).not.toBe(ours.job_id);
    expect((await system.call(`/v1/reviews/${ours.job_id}`, { as: 'other_submitter' })).status).toBe(404);
    expect((await system.call(`/v1/reviews/${their_job.job_id}`)).status).toBe(404);
    const list = await system.call('/v1/reviews', { as: 'other_submitter' });
    const sources = (list.body as { items: JobBody[] }).items.map((item) => item.source);
    expect(new Set(sources)).toEqual(new Set(['other']));
  });
});
