import { describe, expect, it } from '@jest/globals';
import type { DeliverySummary, JobState } from '@assay/contracts';
import fc from 'fast-check';
import { stateOf } from './news.js';
import type { News } from './news.js';
import { heed } from './progress.js';
import type { Progress } from './progress.js';

const aJob = (over: Partial<Progress> = {}): Progress => ({
  state: 'queued',
  generation: 0,
  stage: 'ingest',
  revision: 1,
  validate_revision: 0,
  notify_revision: 0,
  counts: null,
  versions: null,
  deliveries: null,
  ...over,
});

const someNews = (over: Partial<News> = {}): News => ({
  event_id: 'e',
  type: 'review.validated',
  job_id: 'j',
  source: 'acme',
  generation: 0,
  stage: 'validate',
  revision: 1,
  occurred_at: '2026-01-01T00:00:00.000Z',
  state: 'in_progress',
  counts: null,
  versions: null,
  summary: null,
  attempt: null,
  error_class: null,
  code: null,
  next_due_at: null,
  cause: 'accepted',
  ...over,
});

const counts = { submitted: 3, kept: 2, dropped: 1, coerced: 0, by_code: {} };
const summaryOf = (open: number, failed: number, states: Record<string, number>): DeliverySummary => ({
  open,
  failed,
  by_channel: { webhook: states },
});

describe('stateOf', () => {
  it.each<[string, DeliverySummary, JobState]>([
    ['ING-9.b in_progress while a delivery is open', summaryOf(1, 1, { pending: 1 }), 'in_progress'],
    ['ING-9.b failed when none is open and one failed', summaryOf(0, 1, { sent: 3, failed_permanent: 1 }), 'failed'],
    ['ING-9.b failed when one is unknown and held', summaryOf(0, 1, { sent: 1, unknown: 1 }), 'failed'],
    ['ING-9.b succeeded when all were sent', summaryOf(0, 0, { sent: 3 }), 'succeeded'],
    [
      'ING-9.b succeeded when some were sent and some superseded',
      summaryOf(0, 0, { sent: 1, superseded: 1 }),
      'succeeded',
    ],
    ['ING-9.b succeeded when waived or replaced', summaryOf(0, 0, { waived: 1, replaced: 1 }), 'succeeded'],
    ['ING-9.b superseded when all were', summaryOf(0, 0, { superseded: 2, sent: 0 }), 'superseded'],
  ])('%s', (_title, summary, state) => {
    expect(stateOf(summary)).toBe(state);
  });
});

describe('heed', () => {
  it('ING-9.a moves a queued job to in_progress when its response was validated', () => {
    const step = heed(aJob(), someNews({ counts }));
    expect(step.move).toEqual({ from: 'queued', to: 'in_progress' });
    expect(step.progress).toMatchObject({ state: 'in_progress', stage: 'validate', revision: 1, counts });
  });

  it('ING-9.a goes to retryable_failed on a delayed attempt and back on later news', () => {
    const delayed = heed(aJob(), someNews({ type: 'stage.delayed', state: 'retryable_failed' }));
    expect(delayed.move).toEqual({ from: 'queued', to: 'retryable_failed' });
    expect(heed(delayed.progress, someNews({ revision: 2 })).move).toEqual({
      from: 'retryable_failed',
      to: 'in_progress',
    });
  });

  it('GEN-9.a ignores the state of older news of the same stage', () => {
    const job = aJob({ state: 'in_progress', stage: 'notify', revision: 4, notify_revision: 4 });
    const step = heed(job, someNews({ stage: 'notify', revision: 3, state: 'succeeded' }));
    expect(step).toEqual({ progress: job, verdict: 'overtaken', move: null });
  });

  it('GEN-9.a ignores the state of an earlier stage but keeps what only it can tell', () => {
    const job = aJob({ state: 'in_progress', stage: 'notify', revision: 1, notify_revision: 1 });
    const step = heed(job, someNews({ revision: 9, state: 'retryable_failed', counts }));
    expect(step).toMatchObject({ verdict: 'overtaken', move: null, progress: { state: 'in_progress', counts } });
  });

  it('ING-9.c leaves an ended job where it is, whatever comes', () => {
    for (const state of ['succeeded', 'failed', 'superseded'] as const) {
      const job = aJob({ state, stage: 'notify', revision: 1, notify_revision: 1 });
      const step = heed(job, someNews({ stage: 'notify', revision: 2, summary: summaryOf(0, 0, { superseded: 1 }) }));
      expect(step).toMatchObject({ verdict: 'ended', move: null, progress: { state } });
      expect(step.progress.deliveries).toEqual(summaryOf(0, 0, { superseded: 1 }));
    }
  });

  it('GEN-9.a heeds no news of another generation', () => {
    for (const generation of [0, 2]) {
      const job = aJob({ generation: 1 });
      expect(heed(job, someNews({ generation, state: 'failed' }))).toEqual({
        progress: job,
        verdict: 'other_generation',
        move: null,
      });
    }
  });

  it('GEN-2.a changes nothing when the same news comes twice', () => {
    const once = heed(aJob(), someNews({ counts })).progress;
    expect(heed(once, someNews({ counts })).progress).toEqual(once);
  });

  it('GEN-9.a ends at the same place in whatever order the news of a job arrives', () => {
    const ends = fc.constantFrom(
      summaryOf(0, 0, { sent: 2 }),
      summaryOf(0, 1, { sent: 1, failed_permanent: 1 }),
      summaryOf(0, 0, { superseded: 2 }),
    );
    const history = fc
      .tuple(fc.nat(3), fc.nat(3), ends)
      .map(([validating, delivering, end]) => [
        ...range(validating).map((n) => someNews({ revision: n, state: 'retryable_failed' as const })),
        someNews({ revision: validating + 1, counts }),
        ...range(delivering).map((n) =>
          someNews({ stage: 'notify', revision: n, summary: summaryOf(2, 0, { pending: 2 }) }),
        ),
        someNews({ stage: 'notify', revision: delivering + 1, summary: end, state: stateOf(end) }),
      ]);
    const shuffled = history.chain((news) =>
      fc.record({
        news: fc.constant(news),
        arrived: fc.shuffledSubarray([...news, ...news], { minLength: news.length * 2 }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ news, arrived }) => {
        const told = (inOrder: readonly News[]) => inOrder.reduce((job, next) => heed(job, next).progress, aJob());
        const { state, counts: heard, deliveries } = told(news);
        expect(told(arrived)).toMatchObject({ state, counts: heard, deliveries });
      }),
    );
  });
});

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index + 1);
}
