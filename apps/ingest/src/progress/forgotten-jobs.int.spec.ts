import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import type { ReviewSettled, StageDeadLettered } from '@assay/contracts';
import { v7 } from 'uuid';
import { aSubmission, ingestFixture, VALIDATED } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import type { Hop, JobView } from '../reviews/job.js';

let fixture: IngestFixture;
let replica: Replica;
let submitted: Collector;
let begun: Collector;
let dead: Collector;
let settled: Collector;

beforeAll(async () => {
  fixture = await ingestFixture();
  [submitted, begun, dead, settled] = await Promise.all([
    fixture.kafka.consume('review.submitted'),
    fixture.kafka.consume('replay.accepted'),
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
    const metrics = await replica.probe('/metrics');
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

  it.each([
    ['notify', 'replay.accepted'],
    ['validate', 'review.submitted'],
  ] as const)(
    'ING-11.a of a replay from %s has the %s of its generation published again',
    async (start_stage, type) => {
      const job = await accepted();
      await replica.tell(job, 'review.validated', VALIDATED);
      const failed = {
        summary: { open: 0, failed: 1, by_channel: { webhook: { failed_permanent: 1 } } },
        deliveries: [],
      };
      await replica.tell(job, 'delivery.settled', failed);
      await eventually(() => expect(of(settled, job)).toHaveLength(1));
      const item_id = v7();
      await replica.tell(job, 'replay.requested', {
        ...{ plan_id: v7(), item_id, dead_letter_id: v7(), action: 'replay', start_stage, subject_type: 'job' },
        ...{ subject_id: job.job_id, corrected_recipient: null, reason: null, actor: 'key:ops' },
      });
      const told = () =>
        (type === 'replay.accepted' ? begun : submitted).records.map(({ headers }) => headers['ce_id']);
      const id = `${type === 'replay.accepted' ? item_id : job.job_id}:1:1:${type}`;
      await eventually(() => expect(told().filter((each) => each === id).length).toBeGreaterThanOrEqual(2));
      const awaited_stage = start_stage;
      await eventually(() => {
        expect(of(dead, job).at(-1)?.json<StageDeadLettered>()).toMatchObject({
          ...{ generation: 1, error_class: 'NO_NEWS', sanitized_context: { awaited_stage } },
        });
      });
    },
  );

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

  it('ING-11.g is left alone while others of its deliveries wait, whatever settles meanwhile, and says for what', async () => {
    const job = await accepted();
    const by_channel = { webhook: { retry_scheduled: 1, pending: 1 } };
    await replica.tell(job, 'stage.delayed', {
      ...{ stage: 'notify', subject_type: 'delivery', subject_id: job.job_id, attempt: 6, max_attempts: null },
      ...{ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'certificate_untrusted', revision: 3 },
      ...{ next_due_at: '2999-01-01T00:00:00.000Z', waits_until: '2999-01-01T00:00:00.000Z' },
      summary: { open: 2, failed: 0, by_channel },
    });
    const waits = {
      ...{ stage: 'notify', code: 'certificate_untrusted', error_class: 'DEPENDENCY_UNAVAILABLE' },
      until: '2999-01-01T00:00:00.000Z',
    };
    await eventually(async () => {
      expect((await replica.get(job.links.job)).body).toMatchObject({ state: 'retryable_failed', waits });
    });
    await replica.tell(job, 'delivery.settled', {
      summary: { open: 1, failed: 0, by_channel: { webhook: { retry_scheduled: 1, sent: 1 } } },
      ...{ deliveries: [], revision: 4, waits_until: '2999-01-01T00:00:00.000Z' },
    });
    await eventually(async () => {
      expect((await replica.get(job.links.job)).body).toMatchObject({ state: 'in_progress', waits });
    });
    const told = of(submitted, job).length;
    const later = await accepted();
    await eventually(() => expect(of(dead, later)).toHaveLength(1));
    expect(of(submitted, job)).toHaveLength(told);
    await replica.tell(job, 'delivery.settled', {
      summary: { open: 0, failed: 0, by_channel: { webhook: { sent: 2 } } },
      ...{ deliveries: [], revision: 5 },
    });
    await eventually(async () => {
      expect((await replica.get(job.links.job)).body).toMatchObject({ state: 'succeeded', waits: null });
    });
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

describe('a job that cannot be written', () => {
  it.each([
    ['reminded of', 'NEW.reminders > OLD.reminders', 0],
    ['given up', 'NEW.given_up', 3],
  ])('GEN-7.f that cannot be %s fails none of those that are found with it', async (_what, refused, reminders) => {
    const bad = await accepted();
    await fixture.database.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.id = '${bad.job_id}' AND ${refused} THEN RAISE 'refused'; END IF; RETURN NEW; END $$`);
    await fixture.database.sql('CREATE TRIGGER refuse BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()');
    try {
      const stuck = () => fixture.database.sql('SELECT reminders, state FROM jobs WHERE id = $1', [bad.job_id]);
      await eventually(async () => expect(await stuck()).toEqual([{ reminders, state: 'queued' }]));
      const sound = await accepted();
      await eventually(() => expect(of(dead, sound)).toHaveLength(1));
      expect(await stuck()).toEqual([{ reminders, state: 'queued' }]);
    } finally {
      await fixture.database.sql('DROP FUNCTION refuse CASCADE');
    }
  });
});
