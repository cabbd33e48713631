import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import type { ReplayAccepted, ReplayRefused, ReplayRequested, ReviewSettled, ReviewSubmitted } from '@assay/contracts';
import { v7 } from 'uuid';
import { aSubmission, deliveriesEnded, ingestFixture, VALIDATED } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import { changelistLocks } from '../reviews/contest-locks.js';
import type { Hop, JobView } from '../reviews/job.js';

let fixture: IngestFixture;
let one: Replica;
let two: Replica;
let accepted: Collector;
let refused: Collector;
let submitted: Collector;
let settled: Collector;

beforeAll(async () => {
  fixture = await ingestFixture();
  [accepted, refused, submitted, settled] = await Promise.all([
    fixture.kafka.consume('replay.accepted'),
    fixture.kafka.consume('replay.refused'),
    fixture.kafka.consume('review.submitted'),
    fixture.kafka.consume('review.settled'),
  ]);
  [one, two] = [await fixture.start(), await fixture.start()];
}, 60_000);
afterAll(() => fixture.close());

type Job = JobView & { timeline: Hop[] };

const read = async (job: JobView) => (await two.get(job.links.job).expect(200)).body as Job;
const of = (collector: Collector, subject: string) =>
  collector.records.filter(({ headers }) => headers['ce_subject'] === subject);
const reaches = (job: JobView, state: string) =>
  eventually(async () => {
    const now = await read(job);
    expect(now.state).toBe(state);
    return now;
  });

/** A job of which one delivery has failed, and its submission's body. */
async function failedJob(over: Record<string, unknown> = {}): Promise<{ job: Job; body: Record<string, unknown> }> {
  const body = aSubmission(over);
  const job = (await one.post(body).expect(202)).body as JobView;
  await one.tell(job, 'review.validated', VALIDATED);
  await one.tell(job, 'delivery.settled', deliveriesEnded({ failed_permanent: 1 }, 1));
  return { job: await reaches(job, 'failed'), body };
}

function requestOf(job: JobView, over: Partial<ReplayRequested> = {}): Partial<ReplayRequested> & { item_id: string } {
  return {
    ...{ plan_id: v7(), item_id: v7(), dead_letter_id: v7(), action: 'replay', start_stage: 'notify' },
    ...{ subject_type: 'job', subject_id: job.job_id, corrected_recipient: null, reason: null, actor: 'key:ops' },
    ...over,
  };
}

/** Asks for a replay and waits for its answer. */
async function ask(job: JobView, over: Partial<ReplayRequested> = {}) {
  const request = requestOf(job, over);
  await one.tell(job, 'replay.requested', request);
  return eventually(() => {
    const answers = [...of(accepted, request.item_id), ...of(refused, request.item_id)];
    expect(answers.length).toBeGreaterThanOrEqual(1);
    return { request, answers, data: answers[0]!.json<ReplayAccepted & ReplayRefused>() };
  });
}

describe('a replay of a failed job', () => {
  it('ING-9.c begins the next generation, is told, and shows in the timeline with its actor', async () => {
    const { job } = await failedJob();
    const { request, data, answers } = await ask(job, { action: 'waive', reason: 'left' });
    expect(data).toMatchObject({
      ...{ ...request, job_id: job.job_id, source: 'acme', changelist_id: job.changelist_id, review_version: 1 },
      ...{ generation: 1, previous_generation: 0, revision: 1, correlation_id: job.correlation_id },
    });
    expect(answers[0]!.headers['ce_id']).toBe(`${request.item_id}:1:1:replay.accepted`);
    const now = await read(job);
    expect(now).toMatchObject({ state: 'in_progress', generation: 1, settled_at: null, counts: { kept: 2 } });
    expect(now.timeline.at(-1)).toMatchObject({
      ...{ service: 'ingest', event: 'replay.accepted', generation: 1, from: 'failed', to: 'in_progress' },
      cause: 'waive by key:ops',
    });
    expect(of(submitted, job.job_id)).toHaveLength(1);
  });

  it('ING-9.c lets a caller wait for the end again, which is told once for each generation', async () => {
    const { job } = await failedJob();
    await ask(job);
    const waiting = two.get(`${job.links.job}?wait_s=30`).then(({ body }) => body as Job);
    const next = { ...job, generation: 1 };
    // Late news of the generation before is not news of this one (GEN-9).
    await one.tell(job, 'delivery.settled', { ...deliveriesEnded({ superseded: 1 }), revision: 9 });
    await one.tell(next, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    await one.tell(next, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    expect(await waiting).toMatchObject({ state: 'succeeded', generation: 1, deliveries: { by_state: { sent: 1 } } });
    await eventually(() => {
      const told = of(settled, job.job_id).map((record) => record.json<ReviewSettled>());
      expect(told.map(({ generation, state }) => [generation, state])).toEqual([
        [0, 'failed'],
        [1, 'succeeded'],
      ]);
    });
  });

  it.each(['ingest', 'validate'] as const)(
    'ING-9.c that starts at %s has its submission published again under the new generation',
    async (start_stage) => {
      const { job } = await failedJob();
      await ask(job, { start_stage });
      const [, again] = await eventually(() => {
        expect(of(submitted, job.job_id)).toHaveLength(2);
        return of(submitted, job.job_id);
      });
      const [first] = of(submitted, job.job_id);
      expect(again!.headers['ce_id']).toBe(`${job.job_id}:1:1:review.submitted`);
      expect(again!.json<ReviewSubmitted>()).toEqual({ ...first!.json<ReviewSubmitted>(), generation: 1 });
      expect(await read(job)).toMatchObject({ counts: null, versions: null, reading: null, truncated: null });
      await one.tell({ ...job, generation: 1 }, 'review.validated', VALIDATED);
      await eventually(async () => expect((await read(job)).counts).toMatchObject({ kept: 2 }));
    },
  );

  it('DLQ-10.b asked again by one request gets the stored answer under the same id, and begins nothing', async () => {
    const { job } = await failedJob();
    const { request } = await ask(job);
    await one.tell({ ...job, generation: 1 }, 'delivery.settled', deliveriesEnded({ failed_permanent: 1 }, 1));
    await eventually(async () => expect(await read(job)).toMatchObject({ state: 'failed', generation: 1 }));
    // Were it judged again, its generation would have moved.
    await two.tell(job, 'replay.requested', request);
    const answers = await eventually(() => {
      expect(of(accepted, request.item_id).length).toBeGreaterThanOrEqual(2);
      return of(accepted, request.item_id);
    });
    expect(new Set(answers.map(({ headers }) => headers['ce_id'])).size).toBe(1);
    expect(new Set(answers.map(({ value }) => value!.toString())).size).toBe(1);
    expect(of(refused, request.item_id)).toEqual([]);
    expect(await read(job)).toMatchObject({ state: 'failed', generation: 1 });
  });

  it('DLQ-10.b asked by one request several times at once begins once', async () => {
    const { job } = await failedJob();
    const request = requestOf(job);
    await Promise.all([one, two, one, two].map((replica) => replica.tell(job, 'replay.requested', request)));
    await eventually(() => expect(of(accepted, request.item_id).length).toBeGreaterThanOrEqual(1));
    const { data } = await ask(job);
    expect(data).toMatchObject({ code: 'generation_moved' });
    expect(await read(job)).toMatchObject({ generation: 1 });
  });

  it('ING-9.d asked at once by two requests begins once, and the other finds that it has moved', async () => {
    const jobs = await Promise.all(Array.from({ length: 8 }, () => failedJob()));
    await Promise.all(
      jobs.map(async ({ job }) => {
        const both = await Promise.all([ask(job), ask(job)]);
        expect(both.map(({ data }) => data.code ?? 'accepted').toSorted()).toEqual(['accepted', 'generation_moved']);
        expect(await read(job)).toMatchObject({ state: 'in_progress', generation: 1 });
      }),
    );
  });
});

describe('a replay that ingest refuses', () => {
  it('ING-9.d of a job whose version was submitted again names the job that stands', async () => {
    const { job, body } = await failedJob();
    const successor = (await one.post({ ...body, idempotency_key: v7() }).expect(202)).body as JobView;
    const { data, request, answers } = await ask(job);
    expect(data).toMatchObject({ code: 'superseded_by_job', superseded_by: successor.job_id, generation: 0 });
    expect(answers[0]!.headers['ce_id']).toBe(`${request.item_id}:0:1:replay.refused`);
    expect(await read(job)).toMatchObject({ state: 'failed', generation: 0 });
  });

  it('ING-9.d of a job of which a newer version stands names that', async () => {
    const { job, body } = await failedJob();
    const over = { idempotency_key: v7(), review_version: 2 };
    const newer = (await one.post({ ...body, ...over }).expect(202)).body as JobView;
    expect((await ask(job)).data).toMatchObject({ code: 'superseded_by_job', superseded_by: newer.job_id });
  });

  it('GEN-7.f waits for a submission of its changelist under way, and no other replay waits with it', async () => {
    const [{ job: held }, { job: other }] = [await failedJob(), await failedJob()];
    const letGo = await fixture.hold(changelistLocks([held]));
    const request = requestOf(held);
    try {
      await one.tell(held, 'replay.requested', request);
      const asked = requestOf(other);
      await one.tell(other, 'replay.requested', asked);
      await eventually(() => expect(of(accepted, asked.item_id)).toHaveLength(1), { within_ms: 6_000 });
      expect(of(accepted, request.item_id)).toEqual([]);
    } finally {
      await letGo();
    }
    await eventually(() => expect(of(accepted, request.item_id)).toHaveLength(1));
  });

  it('ING-9.d of a job under way, of none, and of another source', async () => {
    const running = (await one.post(aSubmission()).expect(202)).body as JobView;
    expect((await ask(running)).data).toMatchObject({ code: 'job_not_failed', superseded_by: null });
    expect((await ask({ ...running, job_id: v7() })).data).toMatchObject({ code: 'job_not_found' });
    const { job } = await failedJob();
    expect((await ask({ ...job, source: 'other' })).data).toMatchObject({ code: 'job_not_found' });
    expect(await read(job)).toMatchObject({ state: 'failed', generation: 0 });
  });

  it('ING-9.d of a job whose submission is gone, unless it starts at notify', async () => {
    const { job } = await failedJob();
    await fixture.database.sql('DELETE FROM submissions WHERE artefact_id = $1', [job.job_id]);
    expect((await ask(job, { start_stage: 'validate' })).data).toMatchObject({ code: 'submission_not_kept' });
    expect((await ask(job)).data).toMatchObject({ generation: 1 });
  });

  it('ING-4.e never meets a submission of the same version: one of the two stands, whichever came first', async () => {
    const failed = await Promise.all(Array.from({ length: 12 }, () => failedJob()));
    const outcomes = await Promise.all(
      failed.map(async ({ job, body }, n) => {
        const again = { ...body, idempotency_key: v7() };
        const [answer, posted] = await Promise.all([ask(job), (n % 2 ? one : two).post(again)]);
        return { replayed: answer.data.code === undefined, posted: posted.status };
      }),
    );
    for (const { replayed, posted } of outcomes) expect(posted).toBe(replayed ? 409 : 202);
    const [twice] = await fixture.database.sql<{ n: number }>(
      `SELECT count(*)::int AS n FROM (SELECT FROM jobs WHERE standing
         GROUP BY source, changelist_id, review_version HAVING count(*) > 1) AS t`,
    );
    expect(twice).toEqual({ n: 0 });
  });
});
