import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import type { ReviewSettled, StageDeadLettered } from '@assay/contracts';
import { aSubmission, ingestFixture, VALIDATED } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import type { Hop, JobView } from '../reviews/job.js';

let fixture: IngestFixture;
let replica: Replica;
let submitted: Collector;
let dead: Collector;
let settled: Collector;

beforeAll(async () => {
  fixture = await ingestFixture();
  [submitted, dead, settled] = await Promise.all([
    fixture.kafka.consume('review.submitted'),
    fixture.kafka.consume('stage.dead_lettered'),
    fixture.kafka.consume('review.settled'),
  ]);
  replica = await fixture.start({ ASSAY_NO_NEWS_MS: '400' });
}, 60_000);
afterAll(() => fixture.close());

const accepted = async () => (await replica.post(aSubmission()).expect(202)).body as JobView;
const of = (collector: Collector, { job_id }: JobView) =>
  collector.records.filter(({ headers }) => headers['ce_subject'] === job_id);

describe('a job without news', () => {
  it('ING-11.a has its submission published again, under the same id', async () => {
    const job = await accepted();
    const records = await eventually(() => {
      const found = of(submitted, job);
      expect(found.length).toBeGreaterThanOrEqual(2);
      return found;
    });
    expect(new Set(records.map(({ headers }) => headers['ce_id']))).toEqual(
      new Set([`${job.job_id}:0:1:review.submitted`]),
    );
    expect(records[1]!.value).toEqual(records[0]!.value);
    const metrics = await replica.get('/metrics');
    expect(metrics.text).toMatch(/^assay_jobs_reminded_total\S* [1-9]/m);
  });

  it('ING-11.b becomes a dead letter after three times, and has failed', async () => {
    const job = await accepted();
    const [letter] = await eventually(() => {
      const found = of(dead, job);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(letter!.json<StageDeadLettered>()).toMatchObject({
      job_id: job.job_id,
      source: 'acme',
      stage: 'ingest',
      subject_type: 'job',
      subject_id: job.job_id,
      error_class: 'NO_NEWS',
      code: 'no_news',
      sanitized_context: { awaited_stage: 'validate', reminders: 3 },
    });
    expect(of(submitted, job)).toHaveLength(4);
    const { body } = await replica.get(job.links.job).expect(200);
    const { state, timeline } = body as JobView & { timeline: Hop[] };
    expect(state).toBe('failed');
    expect(timeline.at(-1)).toMatchObject({ service: 'ingest', from: 'queued', to: 'failed', cause: 'no_news' });
    await eventually(() => expect(of(settled, job)[0]?.json<ReviewSettled>()).toMatchObject({ state: 'failed' }));
  });

  it('ING-11.a is left alone while an attempt is due later', async () => {
    const job = await accepted();
    await replica.tell(job, 'stage.delayed', {
      ...{ stage: 'notify', subject_type: 'delivery', subject_id: job.job_id, attempt: 1, max_attempts: 5 },
      ...{ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'http_503', next_due_at: '2999-01-01T00:00:00.000Z' },
      summary: { open: 1, failed: 0, by_channel: { webhook: { retry_scheduled: 1 } } },
    });
    await eventually(async () => {
      expect((await replica.get(job.links.job)).body).toMatchObject({ state: 'retryable_failed' });
    });
    const told = of(submitted, job).length;
    const later = await accepted();
    await eventually(() => expect(of(dead, later)).toHaveLength(1));
    expect(of(submitted, job)).toHaveLength(told);
    expect(of(dead, job)).toHaveLength(0);
  });

  it('ING-11.a that has news is not forgotten before as long again', async () => {
    const job = await accepted();
    await replica.tell(job, 'review.validated', VALIDATED);
    await eventually(async () => {
      const [row] = await fixture.database.sql('SELECT reminders FROM jobs WHERE id = $1', [job.job_id]);
      expect(row).toEqual({ reminders: 1 });
    });
    await replica.tell(job, 'delivery.settled', {
      summary: { open: 1, failed: 0, by_channel: { webhook: { pending: 1 } } },
      deliveries: [],
    });
    await eventually(async () => {
      const [row] = await fixture.database.sql('SELECT reminders, stage FROM jobs WHERE id = $1', [job.job_id]);
      expect(row).toEqual({ reminders: 0, stage: 'notify' });
    });
  });
});
