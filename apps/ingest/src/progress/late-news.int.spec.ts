import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReviewSettled, StageDeadLettered } from '@assay/contracts';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import { v7 } from 'uuid';
import { aSubmission, deliveriesEnded, ingestFixture, VALIDATED } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import { changelistLocks } from '../reviews/contest-locks.js';
import type { Hop, JobView } from '../reviews/job.js';
import { ForgottenJobsService } from './forgotten-jobs.service.js';

type Job = JobView & { timeline: Hop[] };

let fixture: IngestFixture;
let replica: Replica;
let settled: Collector;
let dead: Collector;

beforeAll(async () => {
  fixture = await ingestFixture();
  [settled, dead] = await Promise.all([
    fixture.kafka.consume('review.settled'),
    fixture.kafka.consume('stage.dead_lettered'),
  ]);
  replica = await fixture.start();
}, 60_000);
afterAll(() => fixture.close());

const accepted = async (over: Record<string, unknown> = {}) =>
  (await replica.post(aSubmission(over)).expect(202)).body as JobView;
const read = async ({ links }: JobView) => (await replica.get(links.job).expect(200)).body as Job;
const ofJob = (collector: Collector, { job_id }: JobView) =>
  collector.records.filter(({ headers }) => headers['ce_subject'] === job_id);

/** As if nobody had told of them for an hour, after three reminders; the look that every replica takes now and then. */
async function giveUp(...jobs: JobView[]): Promise<void> {
  const ids = jobs.map(({ job_id }) => job_id);
  await eventually(async () => {
    const left = await fixture.database.sql('SELECT FROM work_items WHERE subject_id = ANY($1)', [ids]);
    expect(left).toEqual([]);
  });
  await fixture.database.sql(
    `UPDATE jobs SET accepted_at = accepted_at - interval '1 hour', quiet_since = quiet_since - interval '1 hour',
       reminders = 3, reminded_at = NULL WHERE id = ANY($1::uuid[])`,
    [ids],
  );
  const { given_up } = await replica.app.get(ForgottenJobsService).lookOnce();
  expect(given_up).toBe(jobs.length);
}

async function givenUp(over: Record<string, unknown> = {}): Promise<JobView> {
  const job = await accepted(over);
  await giveUp(job);
  expect(await read(job)).toMatchObject({ state: 'failed', settled_at: expect.any(String) });
  return job;
}

const reaches = (job: JobView, state: string) =>
  eventually(async () => {
    const now = await read(job);
    expect(now.state).toBe(state);
    return now;
  });

/** The ends that were told of the job, by revision. */
const ends = (job: JobView, count: number) =>
  eventually(() => {
    const records = ofJob(settled, job);
    expect(new Set(records.map(({ headers }) => headers['ce_id'])).size).toBe(count);
    return records.map((record) => record.json<ReviewSettled>()).toSorted((a, b) => a.revision - b.revision);
  });

describe('a job that was given up', () => {
  it('ING-11.c goes on with late news, and its end is told again under a higher revision', async () => {
    const job = await givenUp();
    const [first] = await ends(job, 1);
    expect(first).toMatchObject({ state: 'failed', revision: 3, given_up: true });
    await replica.tell(job, 'review.validated', VALIDATED);
    const going_on = await reaches(job, 'in_progress');
    expect(going_on).toMatchObject({ settled_at: null, counts: VALIDATED.counts });
    expect(going_on.timeline).toContainEqual(
      expect.objectContaining({ event: 'review.validated', from: 'failed', to: 'in_progress', cause: 'accepted' }),
    );
    const waiting = replica.get(`${job.links.job}?wait_s=20`).then(({ body }) => body as Job);
    await replica.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    expect(await waiting).toMatchObject({ state: 'succeeded', settled_at: expect.any(String) });
    const [, second] = await ends(job, 2);
    expect(second).toMatchObject({ state: 'succeeded', revision: 4, given_up: false, generation: 0 });
    expect(ofJob(dead, job)).toHaveLength(1);
  });

  it('ING-11.c ends at once where the last word comes first, and with what failed in truth', async () => {
    const [sent, rejected] = [await givenUp(), await givenUp()];
    await replica.tell(sent, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    await replica.tell(rejected, 'review.validated', {
      ...VALIDATED,
      ...{ outcome: 'rejected', rejection: { class: 'INVALID_JSON', code: 'invalid_json' }, result: null },
    });
    expect((await ends(sent, 2))[1]).toMatchObject({ state: 'succeeded', revision: 4, given_up: false });
    expect((await ends(rejected, 2))[1]).toMatchObject({ state: 'failed', revision: 4, given_up: false });
    await replica.tell(sent, 'review.validated', VALIDATED);
    await eventually(async () => expect((await read(sent)).counts).toEqual(VALIDATED.counts));
    await replica.tell(rejected, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    await eventually(async () => expect((await read(rejected)).timeline).toHaveLength(4));
    expect(await read(rejected)).toMatchObject({ state: 'failed' });
  });

  it('ING-11.c stands again, is reminded of anew, and may be given up again in the same generation', async () => {
    const body = { changelist_id: 'twice' };
    const job = await givenUp(body);
    await replica.tell(job, 'review.validated', VALIDATED);
    await reaches(job, 'in_progress');
    await replica.post(aSubmission(body)).expect(409);
    const [row] = await fixture.database.sql(
      `SELECT reminders, reminded_at, given_up, quiet_since > clock_timestamp() - interval '1 minute' AS heard
         FROM jobs WHERE id = $1`,
      [job.job_id],
    );
    expect(row).toEqual({ reminders: 0, reminded_at: null, given_up: false, heard: true });
    await giveUp(job);
    const letters = await eventually(() => {
      const told = ofJob(dead, job);
      expect(told).toHaveLength(2);
      return told.map((record) => record.json<StageDeadLettered>());
    });
    expect(letters.map(({ revision, sanitized_context }) => [revision, sanitized_context['awaited_stage']])).toEqual([
      [2, 'validate'],
      [4, 'notify'],
    ]);
    await replica.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    const told = await ends(job, 3);
    expect(told.map(({ revision, state, given_up }) => [revision, state, given_up])).toEqual([
      [3, 'failed', true],
      [5, 'failed', true],
      [6, 'succeeded', false],
    ]);
  });

  it('ING-11.c is not taken up by the same news again, nor by what another cause ended', async () => {
    const job = await accepted();
    await replica.tell(job, 'review.validated', VALIDATED);
    await reaches(job, 'in_progress');
    await giveUp(job);
    await replica.tell(job, 'review.validated', VALIDATED);
    const other = await accepted();
    await replica.tell(other, 'delivery.settled', deliveriesEnded({ failed_permanent: 1 }, 1));
    await replica.tell(other, 'delivery.settled', { ...deliveriesEnded({ sent: 1 }), revision: 2 });
    await eventually(async () => expect((await read(other)).deliveries.by_state).toEqual({ sent: 1 }));
    expect([await read(job), await read(other)].map(({ state }) => state)).toEqual(['failed', 'failed']);
  });

  it('ING-11.f stays where another job of its version stands, and its neighbours go on', async () => {
    const body = { changelist_id: 'replaced' };
    const [job, neighbour] = [await givenUp(body), await givenUp()];
    const successor = await accepted(body);
    await Promise.all([
      replica.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1 })),
      replica.tell(neighbour, 'delivery.settled', deliveriesEnded({ sent: 1 })),
    ]);
    await reaches(neighbour, 'succeeded');
    const now = await eventually(async () => {
      const current = await read(job);
      expect(current.timeline).toContainEqual(
        expect.objectContaining({ event: 'delivery.settled', cause: 'superseded_by_job', from: null, to: null }),
      );
      return current;
    });
    expect(now).toMatchObject({ state: 'failed', deliveries: { by_state: {} } });
    expect(await read(successor)).toMatchObject({ state: 'queued' });
    expect(ofJob(settled, job)).toHaveLength(1);
  });

  it('ING-11.e waits for submissions of its changelist, and no other news wait with it', async () => {
    const [job, other] = [await givenUp({ changelist_id: 'held' }), await accepted()];
    const letGo = await fixture.hold(changelistLocks([{ source: 'acme', changelist_id: 'held' }]));
    try {
      await replica.tell(job, 'review.validated', VALIDATED);
      // The late news have been met, and every later word comes after them.
      await eventually(async () => {
        const { text } = await replica.probe('/metrics');
        expect(text).toMatch(/code="changelist_busy"/);
      });
      await replica.tell(other, 'delivery.settled', deliveriesEnded({ sent: 1 }));
      await eventually(async () => expect((await read(other)).state).toBe('succeeded'), { within_ms: 4_000 });
      expect(await read(job)).toMatchObject({ state: 'failed' });
    } finally {
      await letGo();
    }
    await reaches(job, 'in_progress');
  });

  it('ING-11.e never stands beside a new job of its version, whichever comes first', async () => {
    const bodies = Array.from({ length: 60 }, (_, n) => ({ changelist_id: `race-${n}` }));
    const jobs = await Promise.all(bodies.map((body) => accepted(body)));
    await giveUp(...jobs);
    const answers = await Promise.all(
      jobs.flatMap((job, n) => [
        replica.tell(job, 'review.validated', VALIDATED).then(() => 0),
        replica.post(aSubmission(bodies[n])).then(({ status }) => status),
      ]),
    );
    expect(answers.filter((status) => ![0, 202, 409].includes(status))).toEqual([]);
    await eventually(async () => {
      const views = await Promise.all(jobs.map(read));
      const won = answers.filter((_status, n) => n % 2 === 1).map((status) => status === 409);
      expect(views.map(({ state }) => state === 'in_progress')).toEqual(won);
      for (const { timeline } of views) expect(timeline.map(({ event }) => event)).toContain('review.validated');
    });
  });

  it('ING-11.g is not reminded before the time until which its deliveries wait, whatever older word comes again', async () => {
    const job = await accepted();
    const pending = { open: 1, failed: 0, by_channel: { webhook: { pending: 1 } } };
    await replica.tell(job, 'delivery.settled', { summary: pending, deliveries: [], revision: 1 });
    await reaches(job, 'in_progress');
    const [{ until } = { until: '' }] = await fixture.database.sql<{ until: string }>(
      "SELECT date_trunc('milliseconds', clock_timestamp() + interval '1 day') AS until",
    );
    await replica.tell(job, 'stage.delayed', {
      ...{ stage: 'notify', subject_type: 'delivery', subject_id: v7(), attempt: 1, max_attempts: 5, revision: 2 },
      ...{ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'circuit_open', next_due_at: until, summary: pending },
    });
    const waiting = await reaches(job, 'retryable_failed');
    expect(waiting.timeline.at(-1)).toMatchObject({ cause: 'circuit_open' });
    await replica.tell(job, 'delivery.settled', { summary: pending, deliveries: [], revision: 1 });
    const after = await accepted();
    await replica.tell(after, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    await reaches(after, 'succeeded');
    const quiet = () => fixture.database.sql('SELECT quiet_since FROM jobs WHERE id = $1', [job.job_id]);
    expect(await quiet()).toEqual([{ quiet_since: until }]);
    await replica.tell(job, 'delivery.settled', { ...deliveriesEnded({ sent: 1 }), summary: pending, revision: 3 });
    await reaches(job, 'in_progress');
    expect(await quiet()).not.toEqual([{ quiet_since: until }]);
  });

  it('ING-11.f stays where a replay has begun another generation', async () => {
    const job = await givenUp();
    const asked = { plan_id: v7(), item_id: v7(), dead_letter_id: v7(), action: 'replay', start_stage: 'validate' };
    await replica.tell(job, 'replay.requested', {
      ...{ ...asked, subject_type: 'job', subject_id: job.job_id },
      ...{ corrected_recipient: null, reason: null, actor: 'key:ops' },
    } as never);
    await reaches(job, 'in_progress');
    await replica.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    await eventually(async () => {
      const { timeline } = await read(job);
      expect(timeline).toContainEqual(expect.objectContaining({ generation: 0, cause: 'older_generation', to: null }));
    });
    expect(await read(job)).toMatchObject({ state: 'in_progress', generation: 1, deliveries: { by_state: {} } });
    // The mark of the first generation is gone: what ends the second stays ended.
    const again = { ...job, generation: 1 };
    await replica.tell(again, 'delivery.settled', deliveriesEnded({ failed_permanent: 1 }, 1));
    await reaches(job, 'failed');
    await replica.tell(again, 'delivery.settled', { ...deliveriesEnded({ sent: 1 }), revision: 2 });
    await eventually(async () => expect((await read(job)).deliveries.by_state).toEqual({ sent: 1 }));
    expect(await read(job)).toMatchObject({ state: 'failed', generation: 1 });
  });
});
