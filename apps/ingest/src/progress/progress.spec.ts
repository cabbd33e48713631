import { describe, expect, it } from '@jest/globals';
import type { DeliverySummary, JobState } from '@assay/contracts';
import fc from 'fast-check';
import { isTerminal, JOB_MOVES } from './job-machine.js';
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
  reading: null,
  truncated: null,
  deliveries: null,
  given_up: false,
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
  reading: null,
  truncated: null,
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
    expect(step).toEqual({ progress: job, verdict: 'overtaken', move: null, ends: false });
  });

  it('GEN-9.a ignores the state of an earlier stage but keeps what only it can tell', () => {
    const job = aJob({ state: 'in_progress', stage: 'notify', revision: 1, notify_revision: 1 });
    const step = heed(job, someNews({ revision: 9, state: 'retryable_failed', counts }));
    expect(step).toMatchObject({ verdict: 'overtaken', move: null, progress: { state: 'in_progress', counts } });
  });

  it('GEN-1.a makes no move that is not in the table, whatever is told in whatever state', () => {
    const states = Object.keys(JOB_MOVES) as JobState[];
    for (const from of states) {
      for (const to of states) {
        for (const stage of ['validate', 'notify'] as const) {
          for (const given_up of [false, true]) {
            const { move, progress } = heed(aJob({ state: from, given_up }), someNews({ stage, state: to }));
            if (move) expect(JOB_MOVES[move.from]).toContain(move.to);
            expect(progress.state).toBe(move?.to ?? from);
          }
        }
      }
    }
  });

  it('ING-9.c leaves an ended job where it is, whatever comes', () => {
    for (const state of ['succeeded', 'failed', 'superseded'] as const) {
      const job = aJob({ state, stage: 'notify', revision: 1, notify_revision: 1 });
      const step = heed(job, someNews({ stage: 'notify', revision: 2, summary: summaryOf(0, 0, { superseded: 1 }) }));
      expect(step).toMatchObject({ verdict: 'ended', move: null, progress: { state } });
      expect(step.progress.deliveries).toEqual(summaryOf(0, 0, { superseded: 1 }));
    }
  });

  it('GEN-9.a ING-11.f heeds no news of another generation', () => {
    for (const [generation, verdict] of [
      [0, 'older_generation'],
      [2, 'other_generation'],
    ] as const) {
      const job = aJob({ generation: 1 });
      expect(heed(job, someNews({ generation, state: 'failed' }))).toEqual({
        progress: job,
        verdict,
        move: null,
        ends: false,
      });
    }
  });

  it('changes nothing when the same news comes twice', () => {
    const once = heed(aJob(), someNews({ counts })).progress;
    expect(heed(once, someNews({ counts })).progress).toEqual(once);
  });

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
  const told = (inOrder: readonly News[]) => inOrder.reduce((job, next) => heed(job, next).progress, aJob());

  it('GEN-9.b ends at the same place although any of the earlier news is missed', () => {
    const missed = history.chain((news) => fc.tuple(fc.constant(news), fc.subarray(news.slice(0, -1))));
    fc.assert(
      fc.property(missed, ([news, heard]) => {
        const { state, deliveries } = told(news);
        expect(told([...heard, news.at(-1)!])).toMatchObject({ state, deliveries });
      }),
    );
  });

  it('GEN-9.a keeps what a verdict alone tells, though the dead letter that follows from it is heard first', () => {
    const rejected = { counts, reading: 'lenient', truncated: true, state: 'failed' as const };
    const verdict = someNews({ ...rejected, revision: 1 });
    const letter = someNews({ type: 'stage.dead_lettered', revision: 2, state: 'failed' });
    const facts = { counts, reading: 'lenient', truncated: true };
    expect(told([verdict, letter])).toMatchObject({ state: 'failed', ...facts });
    expect(told([letter, verdict])).toMatchObject({ state: 'failed', ...facts });
    expect(told([{ ...letter, revision: 1 }, verdict])).toMatchObject({ state: 'failed', ...facts });
  });

  it('GEN-9.a ends at the same place in whatever order the news of a job arrives', () => {
    const shuffled = history.chain((news) =>
      fc.record({
        news: fc.constant(news),
        arrived: fc.shuffledSubarray([...news, ...news], { minLength: news.length * 2 }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ news, arrived }) => {
        const { state, counts: heard, deliveries } = told(news);
        expect(told(arrived)).toMatchObject({ state, counts: heard, deliveries });
      }),
    );
  });
});

describe('late news of a job that was given up', () => {
  const givenUp = (over: Partial<Progress> = {}) => aJob({ state: 'failed', given_up: true, ...over });
  const ownLetter = someNews({ type: 'stage.dead_lettered', stage: 'ingest', revision: 2, state: 'failed' });

  it.each<[JobState, boolean]>([
    ['in_progress', false],
    ['retryable_failed', false],
    ['succeeded', true],
    ['superseded', true],
  ])('ING-11.c take it to %s, as they say', (state, ends) => {
    expect(heed(givenUp(), someNews({ state, counts }))).toEqual({
      progress: aJob({ state, stage: 'validate', validate_revision: 1, counts }),
      ...{ verdict: 'applied', move: { from: 'failed', to: state }, ends },
    });
  });

  it('ING-11.c end it anew where it failed in truth: then it stays', () => {
    const step = heed(givenUp(), someNews({ state: 'failed', counts, code: 'invalid_json' }));
    expect(step).toMatchObject({ verdict: 'applied', move: null, ends: true, progress: { given_up: false, counts } });
    expect(heed(step.progress, someNews({ stage: 'notify' }))).toMatchObject({ verdict: 'ended', move: null });
  });

  it('ING-11.c leave a job where it is that failed for another cause', () => {
    const step = heed(aJob({ state: 'failed' }), someNews());
    expect(step).toMatchObject({ verdict: 'ended', move: null, ends: false, progress: { state: 'failed' } });
  });

  it('ING-11.c are none if they were known before, or are its own dead letter', () => {
    const job = givenUp({ stage: 'notify', revision: 2, notify_revision: 2 });
    for (const news of [someNews({ stage: 'notify', revision: 2 }), someNews({ revision: 9 }), ownLetter]) {
      expect(heed(job, news)).toMatchObject({ verdict: 'ended', move: null, progress: { given_up: true } });
    }
    expect(heed(givenUp(), ownLetter)).toMatchObject({ verdict: 'ended', progress: { given_up: true } });
  });

  it('ING-11.f change nothing where another job of the version stands', () => {
    const job = givenUp();
    const step = heed(job, someNews({ state: 'succeeded', counts }), true);
    expect(step).toEqual({ progress: job, verdict: 'superseded_by_job', move: null, ends: false });
    expect(heed(aJob(), someNews(), true)).toMatchObject({ verdict: 'applied', move: { to: 'in_progress' } });
  });

  it.each<[string, DeliverySummary, JobState]>([
    ['sent', summaryOf(0, 0, { sent: 2 }), 'succeeded'],
    ['failed', summaryOf(0, 1, { failed_permanent: 1 }), 'failed'],
  ])(
    'ING-11.c end it at the same place in whatever order they come, wherever it was given up: %s',
    (_end, end, state) => {
      const validated = someNews({ counts });
      const delayed = someNews({
        stage: 'notify',
        state: 'retryable_failed',
        summary: summaryOf(1, 0, { pending: 1 }),
      });
      const settled = someNews({ stage: 'notify', revision: 2, state: stateOf(end), summary: end });
      for (const order of permutations<News | 'give_up'>([validated, delayed, settled, ownLetter, 'give_up'])) {
        if (order.indexOf(ownLetter) < order.indexOf('give_up')) continue;
        let job = aJob();
        let ends = 0;
        for (const next of order) {
          if (next !== 'give_up') {
            const step = heed(job, next);
            [job, ends] = [step.progress, ends + Number(step.ends)];
          } else if (!isTerminal(job.state)) job = { ...job, state: 'failed', given_up: true };
        }
        expect([job.state, job.given_up, ends]).toEqual([state, false, 1]);
        expect(job).toMatchObject({ counts, deliveries: end });
      }
    },
  );
});

function permutations<T>(of: readonly T[]): T[][] {
  if (of.length === 0) return [[]];
  return of.flatMap((first, n) => permutations(of.toSpliced(n, 1)).map((rest) => [first, ...rest]));
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index + 1);
}
