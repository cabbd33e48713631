import { describe, expect, it } from '@jest/globals';
import { heedBatch } from './heed-batch.js';
import type { News } from './news.js';
import type { JobInProgress } from './progress.repository.js';

const aJob = (over: Partial<JobInProgress> = {}): JobInProgress => ({
  ...{ id: 'j', source: 'acme', changelist_id: '1', review_version: 1, correlation_id: 'c', traceparent: null },
  ...{ priority: 5, state: 'queued', generation: 0, stage: 'ingest', revision: 1, validate_revision: 0 },
  ...{
    notify_revision: 0,
    counts: null,
    versions: null,
    reading: null,
    truncated: null,
    deliveries: null,
    given_up: false,
  },
  ...over,
});
const someNews = (over: Partial<News> = {}): News => ({
  ...{ event_id: 'e1', type: 'review.validated', job_id: 'j', source: 'acme', generation: 0, stage: 'validate' },
  ...{ revision: 1, occurred_at: '2026-01-01T00:00:00.000Z', state: 'in_progress', counts: null, versions: null },
  ...{
    reading: null,
    truncated: null,
    summary: null,
    attempt: null,
    error_class: null,
    code: null,
    next_due_at: null,
    cause: 'accepted',
  },
  ...over,
});
const jobs = (...all: JobInProgress[]) => new Map(all.map((job) => [job.id, job]));

describe('heedBatch', () => {
  it('makes one hop of each piece of news, with the move that it caused', () => {
    const settled = someNews({ event_id: 'e2', type: 'delivery.settled', stage: 'notify', state: 'succeeded' });
    const { changed, hops, verdicts } = heedBatch(jobs(aJob()), [someNews(), settled]);
    expect(verdicts).toEqual(['applied', 'applied']);
    expect(hops).toMatchObject([
      { event_id: 'e1', service: 'validator', from_state: 'queued', to_state: 'in_progress', cause: 'accepted' },
      { event_id: 'e2', service: 'notifier', from_state: 'in_progress', to_state: 'succeeded' },
    ]);
    expect(changed).toMatchObject([{ id: 'j', state: 'succeeded', settles: true, alive: true }]);
  });

  it('ends a job once although its last news comes twice in one batch', () => {
    const last = someNews({ type: 'delivery.settled', stage: 'notify', state: 'succeeded' });
    const { changed, verdicts } = heedBatch(jobs(aJob()), [last, last]);
    expect(verdicts).toEqual(['applied', 'ended']);
    expect(changed.filter(({ settles }) => settles)).toHaveLength(1);
    const ended = heedBatch(jobs(aJob({ state: 'succeeded', stage: 'notify', notify_revision: 1 })), [last]);
    expect(ended.changed).toEqual([]);
  });

  it('does not let one source move the job of another, nor an unknown one', () => {
    const { changed, hops, verdicts } = heedBatch(jobs(aJob()), [
      someNews({ source: 'other' }),
      someNews({ job_id: 'x' }),
    ]);
    expect({ changed, hops, verdicts }).toEqual({ changed: [], hops: [], verdicts: ['unknown_job', 'unknown_job'] });
  });

  it('ING-11.c counts late news for a sign of life, and its end once', () => {
    const settled = someNews({ event_id: 'e2', type: 'delivery.settled', stage: 'notify', state: 'succeeded' });
    const job = aJob({ state: 'failed', given_up: true });
    expect(heedBatch(jobs(job), [someNews()]).changed).toMatchObject([
      { state: 'in_progress', alive: true, settles: false, given_up: false },
    ]);
    const { changed, hops } = heedBatch(jobs(job), [someNews(), settled, settled]);
    expect(changed).toMatchObject([{ state: 'succeeded', settles: true, given_up: false }]);
    expect(hops).toMatchObject([{ from_state: 'failed', to_state: 'in_progress', cause: 'accepted' }, {}, {}]);
  });

  it('ING-11.f says in the timeline why late news changed nothing', () => {
    const job = aJob({ state: 'failed', given_up: true });
    const replaced = heedBatch(jobs(job), [someNews()], new Map([['acme 1 1', 'another']]));
    expect(replaced).toMatchObject({ changed: [], verdicts: ['superseded_by_job'] });
    expect(replaced.hops).toMatchObject([{ cause: 'superseded_by_job', from_state: null, to_state: null }]);
    const replayed = heedBatch(jobs(aJob({ generation: 1 })), [someNews()]);
    expect(replayed).toMatchObject({ changed: [], hops: [{ cause: 'older_generation' }] });
  });

  it('takes up one of two jobs of a version, and none while one stood when the batch began', () => {
    const [first, second] = ['j', 'k'].map((id) => aJob({ id, state: 'failed', given_up: true }));
    const of = (job_id: string, state: News['state'] = 'in_progress') => someNews({ job_id, state });
    expect(heedBatch(jobs(first!, second!), [of('j'), of('k')]).verdicts).toEqual(['applied', 'superseded_by_job']);
    expect(heedBatch(jobs(first!, second!), [of('j', 'failed'), of('k')]).verdicts).toEqual(['applied', 'applied']);
    const stood = aJob({ id: 'k', state: 'in_progress', stage: 'validate' });
    const ends = someNews({ job_id: 'k', stage: 'notify', state: 'superseded' });
    const { verdicts } = heedBatch(jobs(first!, stood), [ends, of('j')], new Map([['acme 1 1', 'k']]));
    expect(verdicts).toEqual(['applied', 'superseded_by_job']);
  });

  it('ING-11.a takes a repeated answer of the notifier for a sign of life, not one of the validator', () => {
    const validated = aJob({ state: 'in_progress', stage: 'validate', revision: 1, validate_revision: 1 });
    expect(heedBatch(jobs(validated), [someNews()]).changed).toEqual([]);
    const notified = aJob({ state: 'in_progress', stage: 'notify', revision: 3, notify_revision: 3 });
    const again = someNews({ type: 'delivery.settled', stage: 'notify', revision: 3 });
    expect(heedBatch(jobs(notified), [again]).changed).toMatchObject([{ alive: true, settles: false }]);
  });

  it('ING-11.g heeds of several words the latest for how long nobody need speak, in whatever order they come', () => {
    const notified = { type: 'delivery.settled', stage: 'notify' } as const;
    const waits = someNews({
      ...notified,
      type: 'stage.delayed',
      revision: 2,
      next_due_at: '2026-01-02T00:00:00.000Z',
    });
    const [before, after] = [1, 3].map((revision) => someNews({ ...notified, revision }));
    const until = (...batch: News[]) => heedBatch(jobs(aJob()), batch).changed[0]!.next_due_at;
    expect([until(before!, waits), until(waits, before!)]).toEqual([waits.next_due_at, waits.next_due_at]);
    expect([until(waits, after!), until(after!, waits)]).toEqual([null, null]);
    const job = aJob({ state: 'retryable_failed', stage: 'notify', revision: 2, notify_revision: 2 });
    expect(heedBatch(jobs(job), [before!]).changed).toMatchObject([{ alive: true, latest: false }]);
  });

  it('ING-11.a expects nobody to speak before the next attempt is due', () => {
    const delayed = someNews({ state: 'retryable_failed', next_due_at: '2026-01-01T01:00:00.000Z', attempt: 1 });
    expect(heedBatch(jobs(aJob()), [delayed]).changed).toMatchObject([{ next_due_at: '2026-01-01T01:00:00.000Z' }]);
  });
});
