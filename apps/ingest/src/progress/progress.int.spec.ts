import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import type { DeliverySummary, ReviewSettled } from '@assay/contracts';
import { aSubmission, deliveriesEnded, ingestFixture, VALIDATED } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import type { Hop, JobView } from '../reviews/job.js';

let fixture: IngestFixture;
let one: Replica;
let two: Replica;
let settled: Collector;

beforeAll(async () => {
  fixture = await ingestFixture();
  settled = await fixture.kafka.consume('review.settled');
  [one, two] = [await fixture.start(), await fixture.start()];
}, 60_000);
afterAll(() => fixture.close());

type Job = JobView & { timeline: Hop[] };

const accepted = async () => (await one.post(aSubmission()).expect(202)).body as JobView;
const read = async (job: JobView) => (await two.get(job.links.job).expect(200)).body as Job;
const settledOf = ({ job_id }: JobView) => settled.records.filter(({ headers }) => headers['ce_subject'] === job_id);

function open(by_state: Record<string, number>): DeliverySummary {
  return { open: 1, failed: 0, by_channel: { webhook: by_state } };
}
const reaches = (job: JobView, state: string) =>
  eventually(async () => {
    const now = await read(job);
    expect(now.state).toBe(state);
    return now;
  });

describe('news of a job', () => {
  it('ING-9.a moves it by the highest revision, in whatever order it comes', async () => {
    const job = await accepted();
    await one.tell(job, 'delivery.settled', { summary: open({ pending: 1 }), deliveries: [], revision: 5 });
    await reaches(job, 'in_progress');
    const retry = { stage: 'notify', subject_type: 'delivery', attempt: 1, max_attempts: 5 } as const;
    await one.tell(job, 'stage.delayed', {
      ...retry,
      ...{ subject_id: job.job_id, error_class: 'DEPENDENCY_TIMEOUT', code: 'timeout', revision: 4 },
      ...{ next_due_at: '2026-01-01T00:00:01.000Z', summary: open({ retry_scheduled: 1 }) },
    });
    await one.tell(job, 'review.validated', VALIDATED);
    const now = await eventually(async () => {
      const current = await read(job);
      expect(current.timeline).toHaveLength(4);
      expect(current.counts).not.toBeNull();
      return current;
    });
    expect(now).toMatchObject({ state: 'in_progress', deliveries: { by_state: { pending: 1 } } });
  });

  it('GEN-2.a that comes again changes nothing, and its end is told once', async () => {
    const job = await accepted();
    for (let times = 0; times < 3; times += 1) {
      await one.tell(job, 'review.validated', VALIDATED);
      await two.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    }
    const after = await accepted();
    await one.tell(after, 'review.validated', VALIDATED);
    await one.tell(after, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    await reaches(job, 'succeeded');
    await reaches(after, 'succeeded');
    await eventually(() => expect(settledOf(after)).toHaveLength(1));
    await eventually(() => expect(settledOf(job)).toHaveLength(1));
    expect((await read(job)).timeline).toHaveLength(3);
  });

  it.each<[string, Record<string, number>, number]>([
    ['succeeded', { sent: 2, superseded: 1 }, 0],
    ['failed', { sent: 1, failed_permanent: 1 }, 1],
    ['superseded', { superseded: 3 }, 0],
  ])('ING-9.b ends it as %s when its deliveries are %j', async (state, by_state, failed) => {
    const job = await accepted();
    await one.tell(job, 'review.validated', VALIDATED);
    await one.tell(job, 'delivery.settled', deliveriesEnded(by_state, failed));
    await reaches(job, state);
    const [record] = await eventually(() => {
      expect(settledOf(job)).toHaveLength(1);
      return settledOf(job);
    });
    expect(record!.json<ReviewSettled>()).toMatchObject({
      ...{ job_id: job.job_id, state, generation: 0, revision: 2, deliveries: { webhook: by_state } },
      links: { job: job.links.job, findings: job.links.findings },
    });
  });

  it('DEL-16.d says how many findings thresholds have withheld, in the job and at its end', async () => {
    const [filtered, whole] = [await accepted(), await accepted()];
    expect(filtered.deliveries.withheld).toBe(0);
    for (const [job, withheld] of [
      [filtered, { withheld: 3 }],
      [whole, {}],
    ] as const) {
      await one.tell(job, 'review.validated', VALIDATED);
      const { summary, deliveries } = deliveriesEnded({ sent: 1 });
      await one.tell(job, 'delivery.settled', { summary: { ...summary!, ...withheld }, deliveries });
      expect((await reaches(job, 'succeeded')).deliveries.withheld).toBe(withheld.withheld ?? 0);
    }
    const told = await eventually(() => {
      const ends = [filtered, whole].map((job) => settledOf(job)[0]?.json<ReviewSettled>());
      for (const end of ends) expect(end).toBeDefined();
      return ends;
    });
    expect(told.map((end) => end!.withheld)).toEqual([3, undefined]);
  });

  it('VAL-16.k says that a review which was cut off is not whole, in the job and at its end', async () => {
    const [cut, whole] = [await accepted(), await accepted()];
    expect(cut).toMatchObject({ truncated: null, reading: null });
    for (const [job, truncated] of [
      [cut, true],
      [whole, false],
    ] as const) {
      await one.tell(job, 'review.validated', { ...VALIDATED, reading: 'lenient', truncated });
      await eventually(async () => expect((await read(job)).counts).not.toBeNull());
      await one.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1 }));
      const now = await reaches(job, 'succeeded');
      expect(now).toMatchObject({ truncated, reading: 'lenient' });
      expect(now.timeline.map(({ event, reading }) => [event, reading])).toEqual([
        ['review.submitted', null],
        ['review.validated', 'lenient'],
        ['delivery.settled', null],
      ]);
      const [record] = await eventually(() => {
        expect(settledOf(job)).toHaveLength(1);
        return settledOf(job);
      });
      expect(record!.json<ReviewSettled>()).toMatchObject({ truncated, reading: 'lenient' });
      expect((await two.get('/v1/reviews?limit=2')).body.items).toContainEqual(
        expect.objectContaining({ job_id: job.job_id, truncated }),
      );
    }
  });

  it('takes a verdict that does not say how it was read', async () => {
    const job = await accepted();
    await one.tell(job, 'review.validated', VALIDATED);
    await one.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    await eventually(async () =>
      expect(await read(job)).toMatchObject({ state: 'succeeded', truncated: false, reading: null }),
    );
  });

  it('ING-9.b ends it as failed when its last delivery is a dead letter', async () => {
    const job = await accepted();
    await one.tell(job, 'review.validated', VALIDATED);
    await one.tell(job, 'stage.dead_lettered', {
      ...{ stage: 'notify', subject_type: 'delivery', subject_id: job.job_id, error_class: 'RECIPIENT_INVALID' },
      ...{ code: 'http_410', last_stack: 'x', sanitized_context: {}, fingerprint: 'f' },
      ...{ first_failure_at: '2026-01-01T00:00:00.000Z', last_failure_at: '2026-01-01T00:00:00.000Z' },
      summary: { open: 0, failed: 1, by_channel: { webhook: { failed_permanent: 1 } } },
    });
    expect(await reaches(job, 'failed')).toMatchObject({ deliveries: { failed: 1 } });
  });

  it('ING-9.c never moves it once it has ended, though it keeps the facts', async () => {
    const job = await accepted();
    await one.tell(job, 'review.validated', VALIDATED);
    await one.tell(job, 'delivery.settled', deliveriesEnded({ failed_permanent: 1 }, 1));
    await reaches(job, 'failed');
    await one.tell(job, 'delivery.settled', { ...deliveriesEnded({ superseded: 1 }), revision: 2 });
    const now = await eventually(async () => {
      const current = await read(job);
      expect(current.deliveries.by_state).toEqual({ superseded: 1 });
      return current;
    });
    expect(now.state).toBe('failed');
    expect(settledOf(job)).toHaveLength(1);
  });

  it('GEN-8.a of one source does not move the job of another', async () => {
    const job = await accepted();
    await one.tell({ ...job, source: 'other' }, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    await one.tell(job, 'review.validated', VALIDATED);
    const now = await reaches(job, 'in_progress');
    expect(now.timeline.map(({ event }) => event)).toEqual(['review.submitted', 'review.validated']);
  });

  it('GEN-9.c spread over partitions and replicas ends many jobs where each should', async () => {
    const jobs = await Promise.all(Array.from({ length: 40 }, accepted));
    await Promise.all(
      jobs.flatMap((job, n) => [
        (n % 2 ? one : two).tell(job, 'delivery.settled', deliveriesEnded(n % 3 ? { sent: 1 } : { superseded: 1 })),
        (n % 2 ? two : one).tell(job, 'review.validated', VALIDATED),
      ]),
    );
    await Promise.all(jobs.map((job, n) => reaches(job, n % 3 ? 'succeeded' : 'superseded')));
    await eventually(() => {
      for (const job of jobs) expect(settledOf(job)).toHaveLength(1);
    });
  });

  it('GEN-9.e that comes by partitions which were added meanwhile is heard, too', async () => {
    const jobs = await Promise.all(Array.from({ length: 20 }, accepted));
    await Promise.all(jobs.map((job) => one.tell(job, 'review.validated', VALIDATED)));
    const topic = fixture.kafka.topic('delivery.settled');
    const admin = fixture.kafka.client.admin();
    await admin.connect();
    try {
      await admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] });
      // Its publisher has learned of them, and the group of theirs with its coming.
      const third = await fixture.start();
      await Promise.all(jobs.map((job) => third.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1 }))));
      await Promise.all(jobs.map((job) => reaches(job, 'succeeded')));
      const added = (await admin.fetchTopicOffsets(topic)).filter(({ partition }) => partition >= 2);
      expect(added.reduce((sum, { high }) => sum + Number(high), 0)).toBeGreaterThan(0);
    } finally {
      await admin.disconnect();
    }
  });
});
