import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReviewSettled } from '@assay/contracts';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import pg from 'pg';
import { v7 } from 'uuid';
import { aSubmission, deliveriesEnded, ingestFixture, VALIDATED } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import type { Hop, JobView } from './job.js';

let fixture: IngestFixture;
let one: Replica;
let two: Replica;
let ends: Collector;
let refusals: Collector;

beforeAll(async () => {
  fixture = await ingestFixture();
  [ends, refusals] = await Promise.all([
    fixture.kafka.consume('review.settled'),
    fixture.kafka.consume('replay.refused'),
  ]);
  [one, two] = [await fixture.start(), await fixture.start()];
}, 60_000);
afterAll(() => fixture.close());

const REJECTED = {
  ...VALIDATED,
  ...{ outcome: 'rejected', result: null, rejection: { class: 'INVALID_JSON', code: 'invalid_json' } },
} as typeof VALIDATED;

type Job = JobView & { timeline: Hop[] };
const jobOf = async (job_id: string) => (await one.get(`/v1/reviews/${job_id}`).expect(200)).body as Job;
const endsOf = (job_id: string) =>
  ends.records.map((record) => record.json<ReviewSettled>()).filter((end) => end.job_id === job_id);

async function accepted(body: Record<string, unknown>): Promise<JobView> {
  return (await one.post(body).expect(202)).body as JobView;
}

/** A job that the validator has rejected. */
async function rejected(body: Record<string, unknown>): Promise<JobView> {
  const job = await accepted(body);
  await one.tell(job, 'review.validated', REJECTED);
  await eventually(async () => expect((await jobOf(job.job_id)).state).toBe('failed'));
  return job;
}

describe('the key of a job that failed at stage validate', () => {
  it('ING-3.i leaves nothing to replay of the first, though the request was on its way', async () => {
    const body = aSubmission({ review_result: 'Sure! Here is' });
    const first = await rejected(body);
    const second = await accepted({
      ...body,
      changelist_id: `${String(body['changelist_id'])}-of-another`,
      review_result: '{}',
    });
    const item_id = v7();
    await one.tell(first, 'replay.requested', {
      ...{ plan_id: v7(), item_id, dead_letter_id: v7(), action: 'replay', start_stage: 'validate' },
      ...{ subject_type: 'job', subject_id: first.job_id, corrected_recipient: null, reason: null, actor: 'key:ops' },
    });
    await eventually(() => {
      const [answer] = refusals.records.filter(({ headers }) => headers['ce_subject'] === item_id);
      expect(answer?.json()).toMatchObject({ code: 'submitted_again', job_id: first.job_id });
    });
    expect(await jobOf(first.job_id)).toMatchObject({ state: 'failed', generation: 0 });
    expect(await jobOf(second.job_id)).toMatchObject({ state: 'queued' });
  });

  it('ING-3.i passes to a job with another body, and the first is known by its own id', async () => {
    const body = aSubmission({ review_result: 'Sure! Here is' });
    const first = await rejected(body);
    const mended = { ...body, review_result: '{}' };
    const second = await accepted(mended);
    expect(second.job_id).not.toBe(first.job_id);
    expect((await two.post(mended).expect(200)).body).toMatchObject({ job_id: second.job_id, outcome: 'replayed' });
    expect((await two.post(body).expect(409)).body).toMatchObject({
      code: 'idempotency_key_reused',
      job_id: second.job_id,
    });
    const { state, timeline } = await jobOf(first.job_id);
    expect(state).toBe('failed');
    expect(timeline.at(-1)).toMatchObject({ cause: `submitted again as ${second.job_id}`, from: null, to: null });
  });

  it('ING-3.j is told of, once, by a further end of the first', async () => {
    const body = aSubmission({ review_result: 'no' });
    const first = await rejected(body);
    const { job_id } = await accepted({ ...body, review_result: '{}' });
    const [usual, again] = await eventually(() => {
      expect(endsOf(first.job_id)).toHaveLength(2);
      return endsOf(first.job_id);
    });
    expect(usual).not.toHaveProperty('submitted_again_as');
    expect(again).toMatchObject({ state: 'failed', generation: 0, given_up: false, submitted_again_as: job_id });
    expect(again!.revision).toBeGreaterThan(usual!.revision);
  });

  it('ING-3.a stays where the same body comes again', async () => {
    const body = aSubmission({ review_result: 'no' });
    const { job_id } = await rejected(body);
    expect((await two.post(body).expect(200)).body).toMatchObject({ job_id, outcome: 'replayed', state: 'failed' });
  });

  it('ING-3.i passes once of thirty bodies that come at once on two replicas, and the others are judged against it', async () => {
    const body = aSubmission({ review_result: 'no' });
    await rejected(body);
    /** A busy machine may answer 503, "send it again": who does so is answered with what stands by then. */
    const confirmed = (n: number) =>
      eventually(async () => {
        const answer = await (n % 2 ? one : two).post({ ...body, review_result: `result ${n % 10}` });
        expect(answer.status).not.toBe(503);
        return answer;
      });
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => confirmed(n)));
    const won = answers.filter(({ status }) => status === 202);
    expect(won.length).toBeLessThanOrEqual(1);
    const { job_id } = answers.find(({ status }) => status < 300)!.body as JobView;
    expect(answers.map(({ body: answer }) => (answer as { job_id?: string }).job_id)).toEqual(
      answers.map(() => job_id),
    );
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(27);
    const jobs = await fixture.database.sql('SELECT 1 FROM jobs WHERE changelist_id = $1', [body['changelist_id']]);
    expect(jobs).toHaveLength(2);
  });

  it('ING-3.i passes once of many changelists that come at once under it', async () => {
    const body = aSubmission({ review_result: 'no' });
    await rejected(body);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 ? one : two).post({ ...body, changelist_id: `passed-${n}` })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      202,
      ...Array<number>(19).fill(409),
    ]);
  });

  it('ING-3.i passes not while a replay has the job in hand, and then not if the job has left that state', async () => {
    const body = aSubmission({ review_result: 'no' });
    const { job_id } = await rejected(body);
    const client = new pg.Client({ connectionString: fixture.database.url });
    await client.connect();
    await client.query('BEGIN');
    const begin = `UPDATE ingest.jobs SET state = 'in_progress', settled_at = NULL, generation = 1 WHERE id = $1`;
    await client.query(begin, [job_id]);
    const waiting = two.post({ ...body, changelist_id: `other-of-${job_id}` });
    const answer = waiting.then((answered) => answered);
    await one.post(aSubmission()).expect(202);
    await client.query('COMMIT');
    await client.end();
    expect(await answer).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused', job_id } });
  });

  it.each<[string, (job: JobView) => Promise<void>]>([
    ['is under way', () => Promise.resolve()],
    [
      'failed at stage notify',
      async (job) => {
        await one.tell(job, 'review.validated', VALIDATED);
        await one.tell(job, 'delivery.settled', deliveriesEnded({ failed_permanent: 1 }, 1));
        await eventually(async () => expect((await jobOf(job.job_id)).state).toBe('failed'));
      },
    ],
    [
      'was given up, of which late news may come',
      async ({ job_id }) => {
        const given_up = `UPDATE jobs SET state = 'failed', settled_at = now(), given_up = true, stage = 'validate' WHERE id = $1`;
        await fixture.database.sql(given_up, [job_id]);
      },
    ],
  ])('ING-3.i ING-3.b is kept by one that %s', async (_title, bring) => {
    const body = aSubmission();
    const job = await accepted(body);
    await bring(job);
    const refused = await two.post({ ...body, review_result: 'other' }).expect(409);
    expect(refused.body).toMatchObject({ code: 'idempotency_key_reused', job_id: job.job_id });
  });
});
