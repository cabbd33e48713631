import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEAD_LETTER_STATES, Problem } from '@assay/contracts';
import type { StageDeadLettered } from '@assay/contracts';
import { aFailure, aSettlement, endOf, received } from '../dead-letter.fixture.js';
import { DEAD_LETTER_MOVES, mayMove } from '../letters/dead-letter-machine.js';
import { isNewer, move } from '../letters/index.js';
import type { DeadLetter } from '../letters/index.js';
import { failEarlier } from '../replay/verification.service.js';
import { failAgain, letterOf, openingOf, settle } from './judge.js';
import { failureOf, lateEndOf, settlementsOf } from './news.js';
import type { FailureNews, SettlementNews } from './news.js';

const facts = aFailure();
const news = (differs: Partial<StageDeadLettered> = {}) =>
  failureOf(received('stage.dead_lettered', { ...facts, ...differs }));

function aLetter(differs: Partial<DeadLetter> = {}): DeadLetter {
  const letter = letterOf(news(), 'id-1');
  openingOf(letter);
  return Object.assign(letter, differs);
}

const step = { cause: 'x', actor: 'key:x', correlation_id: 'c' };

describe('the dead letter machine', () => {
  it('DLQ-5.a, GEN-1.a knows every state and refuses every move that is not in its table', () => {
    expect(Object.keys(DEAD_LETTER_MOVES).sort()).toEqual([...DEAD_LETTER_STATES].sort());
    for (const from of DEAD_LETTER_STATES) {
      for (const to of DEAD_LETTER_STATES) {
        const letter = aLetter({ state: from });
        if (mayMove(from, to)) {
          expect(move(letter, { ...step, to })).toMatchObject({ from_state: from, to_state: to, change: 2 });
          expect(letter).toMatchObject({ state: to, changes: 2 });
        } else {
          expect(() => move(letter, { ...step, to })).toThrow(Problem);
          expect(letter).toMatchObject({ state: from, changes: 1 });
        }
      }
    }
  });

  it('DLQ-5.a reaches every state from open, and every state but the two ends reaches both', () => {
    for (const state of DEAD_LETTER_STATES) expect(reachable('open').has(state)).toBe(true);
    for (const state of DEAD_LETTER_STATES) {
      expect([...reachable(state)]).toEqual(expect.arrayContaining(['resolved', 'discarded']));
    }
  });
});

function reachable(from: (typeof DEAD_LETTER_STATES)[number]): Set<string> {
  const seen = new Set<string>([from]);
  const open = [from];
  for (let state = open.pop(); state; state = open.pop()) {
    for (const next of DEAD_LETTER_MOVES[state]) if (!seen.has(next)) open.push((seen.add(next), next));
  }
  return seen;
}

describe('a further failure', () => {
  it('GEN-9.a is ignored when it is older or the same', () => {
    const letter = aLetter({ generation: 1, revision: 3 });
    for (const [generation, revision] of [
      [1, 3],
      [1, 2],
      [0, 9],
    ] as const) {
      expect(failAgain(letter, news({ generation, revision, code: 'other' }))).toBeNull();
    }
    expect(letter).toMatchObject({ code: 'smtp_550', occurrences: 1 });
  });

  it('brings the one row up to date and keeps the first failure', () => {
    const letter = aLetter({ state: 'triaged', assignee: 'kim' });
    const later = {
      revision: 5,
      first_failure_at: '2027-01-01T00:00:00.000Z',
      last_failure_at: '2027-01-01T00:00:01.000Z',
    };
    expect(failAgain(letter, news({ ...later, code: 'smtp_551' }))).toEqual([]);
    expect(letter).toMatchObject({
      ...{ id: 'id-1', state: 'triaged', assignee: 'kim', code: 'smtp_551', revision: 5, occurrences: 2 },
      ...{ first_failure_at: facts.first_failure_at, last_failure_at: later.last_failure_at },
    });
  });

  it('GEN-9.a goes by the clock of the stage when another job has adopted the delivery', () => {
    const letter = aLetter({ revision: 7 });
    const adopted = { job_id: 'job-2', revision: 2 };
    expect(failAgain(letter, news({ ...adopted, occurred_at: '2025-01-01T00:00:00.000Z' }))).toBeNull();
    expect(failAgain(letter, news({ ...adopted, occurred_at: '2027-01-01T00:00:00.000Z' }))).toEqual([]);
    expect(letter).toMatchObject({ job_id: 'job-2', revision: 2, occurrences: 2 });
    const sent = aSettlement(facts, 'sent', { ...adopted, revision: 1, occurred_at: '2027-01-01T00:00:01.000Z' });
    const [settlement] = settlementsOf(received('delivery.settled', sent));
    expect(settle(aLetter({ revision: 7 }), settlement!)).toMatchObject([{ cause: 'delivered' }]);
  });

  it('DLQ-9.c opens the same record anew when its class is another', () => {
    const letter = aLetter({ state: 'triaged', assignee: 'kim' });
    const [transition] = failAgain(letter, news({ generation: 1, revision: 1, error_class: 'POLICY_REJECTED' }))!;
    expect(transition).toMatchObject({ from_state: 'triaged', to_state: 'open', cause: 'failed_again' });
    expect(letter).toMatchObject({ state: 'open', assignee: null, error_class: 'POLICY_REJECTED', generation: 1 });
  });

  it('DLQ-5.a opens a closed one anew', () => {
    for (const state of ['resolved', 'discarded'] as const) {
      expect(failAgain(aLetter({ state }), news({ generation: 1 }))).toMatchObject([{ to_state: 'open' }]);
    }
  });
});

describe('a failure under a replay', () => {
  const replaying = (differs: Partial<DeadLetter> = {}) => aLetter({ state: 'replaying', assignee: 'kim', ...differs });
  const replay = { id: 'item-1', requested_generation: 0, error_class: 'RECIPIENT_INVALID' };

  it('DLQ-9.b escalates the same permanent class, and keeps who looks after it', () => {
    const letter = replaying();
    expect(failAgain(letter, news({ generation: 1, revision: 1 }), replay)).toMatchObject([
      { from_state: 'replaying', to_state: 'escalated', cause: 'failed_the_same_way' },
    ]);
    expect(letter).toMatchObject({ assignee: 'kim', generation: 1 });
  });

  it.each(['DEPENDENCY_UNAVAILABLE', 'DEPENDENCY_TIMEOUT', 'CONFLICT', 'NO_NEWS'] as const)(
    'DLQ-9.e opens %s again, which time may mend',
    (error_class) => {
      const letter = replaying({ error_class });
      const [transition] = failAgain(letter, news({ generation: 1, error_class }), { ...replay, error_class })!;
      expect(transition).toMatchObject({ to_state: 'open', cause: 'failed_again' });
    },
  );

  it('GEN-9.a ends the same, whether late news of the generation before come first or last', () => {
    const late = news({ generation: 0, revision: 9, error_class: 'POLICY_REJECTED' });
    const failed = news({ generation: 1, revision: 1 });
    const ends = [
      [late, failed],
      [failed, late],
    ].map((order) => {
      const letter = replaying();
      for (const one of order) failAgain(letter, one, replay);
      const { state, error_class, generation } = letter;
      return { state, error_class, generation };
    });
    expect(ends[0]).toEqual({ state: 'escalated', error_class: 'RECIPIENT_INVALID', generation: 1 });
    expect(ends[1]).toEqual(ends[0]);
  });

  it('DLQ-9.e opens a delivery again whose job fails at an earlier stage of the new generation', () => {
    const failure = { ...news({ stage: 'validate', subject_type: 'job' }), generation: 1 };
    expect(failEarlier(replaying(), failure, replay)).toMatchObject([{ to_state: 'open', cause: 'failed_earlier' }]);
    expect(failEarlier(replaying(), { ...failure, generation: 0 }, replay)).toEqual([]);
    expect(failEarlier(replaying(), { ...failure, stage: 'notify' }, replay)).toEqual([]);
    expect(failEarlier(replaying({ job_id: 'other' }), failure, replay)).toEqual([]);
    expect(failEarlier(aLetter({ state: 'open' }), failure, replay)).toEqual([]);
  });
});

describe('what ends well', () => {
  it('ING-6.b resolves what is older, with its cause', () => {
    const [superseded] = settlementsOf(received('delivery.settled', aSettlement(facts, 'superseded')));
    expect(superseded).toMatchObject({ subject_id: facts.subject_id, cause: 'superseded', remember: true });
    const letter = aLetter();
    expect(settle(letter, superseded!)).toMatchObject([{ to_state: 'resolved', cause: 'superseded' }]);
    expect(settle(letter, superseded!)).toEqual([]);
    expect(settle(aLetter({ generation: 1, revision: 1 }), superseded!)).toEqual([]);
  });

  it('says nothing about failed or unknown deliveries, nor remembers the usual way', () => {
    for (const state of ['failed_permanent', 'unknown', 'pending'] as const) {
      expect(settlementsOf(received('delivery.settled', aSettlement(facts, state)))).toEqual([]);
    }
    const usual = settlementsOf(received('delivery.settled', aSettlement(facts, 'sent')));
    expect(usual.map(({ remember }) => remember)).toEqual([false]);
  });

  it('GEN-9.a ends by a later stage what an earlier generation failed at, and nothing of its own', () => {
    const settled = aSettlement(facts, 'sent', { generation: 1, revision: 9 });
    const passed = settlementsOf(received('delivery.settled', settled)).find(({ stage }) => stage === 'ingest');
    const silent = (generation: number) => aLetter({ error_class: 'NO_NEWS', job_id: facts.job_id, generation });
    expect(settle(silent(0), passed!)).toMatchObject([{ cause: 'submitted' }]);
    expect(settle(silent(1), passed!)).toEqual([]);
  });
});

describe('the dead letter of a job that was given up', () => {
  const about = { subject_type: 'job', stage: 'ingest', error_class: 'NO_NEWS', code: 'no_news' } as const;
  const silence = (revision: number) => news({ ...about, subject_id: facts.job_id!, generation: 0, revision });
  const end = (revision: number, given_up = false) =>
    lateEndOf(received('review.settled', endOf(facts, { revision, given_up })));

  it('ING-11.d is resolved by the word that follows, not by that of giving up, nor by the usual end', () => {
    const letter = letterOf(silence(2), 'id');
    openingOf(letter);
    expect([end(2), end(3, true)]).toEqual([[], []]);
    expect(end(4)).toMatchObject([
      { subject_id: facts.job_id, stage: 'ingest', cause: 'news_arrived', remember: true },
    ]);
    expect(settle(letter, end(4)[0]!)).toMatchObject([{ to_state: 'resolved', cause: 'news_arrived' }]);
  });

  it('ING-11.d stays open for a later silence of the same generation', () => {
    const letter = letterOf(silence(4), 'id');
    openingOf(letter);
    expect(settle(letter, end(4)[0]!)).toEqual([]);
    expect(settle(letter, end(6)[0]!)).toMatchObject([{ cause: 'news_arrived' }]);
  });

  it('ING-11.d is resolved in whatever order the letters and ends of a job come, given up once or twice', () => {
    const once = [silence(2), ...end(3, true), ...end(4)];
    const twice = [silence(2), ...end(3, true), silence(4), ...end(5, true), ...end(6)];
    for (const history of [once, twice]) {
      for (const order of permutations<FailureNews | SettlementNews>(history))
        expect(stateAfter(order)).toBe('resolved');
    }
    const unresolved = [silence(2), ...end(4), silence(5), ...end(6, true)];
    for (const order of permutations<FailureNews | SettlementNews>(unresolved)) expect(stateAfter(order)).toBe('open');
  });

  /** As the intake does: a settlement is remembered for the letter that may still come. */
  function stateAfter(order: readonly (FailureNews | SettlementNews)[]): string | undefined {
    let letter: DeadLetter | undefined;
    let settled: SettlementNews | undefined;
    for (const one of order) {
      if (!('error_class' in one)) {
        if (!settled || isNewer(one, settled)) settled = one;
      } else if (letter) failAgain(letter, one);
      else openingOf((letter = letterOf(one, 'id')));
      if (letter && settled) settle(letter, settled);
    }
    return letter?.state;
  }
});

describe('the dead letter of a job whose key has passed to another', () => {
  const about = { subject_type: 'job', stage: 'validate', error_class: 'INVALID_JSON', code: 'invalid_json' } as const;
  const rejection = (generation: number) =>
    news({ ...about, subject_id: facts.job_id!, generation, revision: 5, occurred_at: '2027-01-01T00:00:00.000Z' });
  const passed = (generation = 0) =>
    lateEndOf(received('review.settled', endOf(facts, { generation, revision: 3, submitted_again_as: 'job-2' })))[0]!;

  it('ING-3.j is resolved with that cause, whatever the revision of the stage that failed', () => {
    const letter = letterOf(rejection(0), 'id');
    openingOf(letter);
    expect(passed()).toMatchObject({
      subject_id: facts.job_id,
      subject_type: 'job',
      stage: 'validate',
      remember: true,
    });
    expect(settle(letter, passed())).toMatchObject([{ to_state: 'resolved', cause: 'submitted_again' }]);
    expect(settle(letter, passed())).toEqual([]);
  });

  it('ING-3.j is told apart from one of a later generation', () => {
    const letter = letterOf(rejection(1), 'id');
    openingOf(letter);
    expect(settle(letter, passed(0))).toEqual([]);
    expect(settle(letter, passed(1))).toHaveLength(1);
  });
});

function permutations<T>(of: readonly T[]): T[][] {
  if (of.length === 0) return [[]];
  return of.flatMap((first, n) => permutations(of.toSpliced(n, 1)).map((rest) => [first, ...rest]));
}

describe('any order', () => {
  it('GEN-9.a ends in the same facts and state, however failures come', () => {
    const failure = fc.record({
      generation: fc.integer({ min: 0, max: 2 }),
      revision: fc.integer({ min: 1, max: 5 }),
      error_class: fc.constantFrom('RECIPIENT_INVALID' as const, 'POLICY_REJECTED' as const),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(failure, { minLength: 1, maxLength: 6, selector: (f) => `${f.generation}.${f.revision}` }),
        fc.infiniteStream(fc.nat()),
        (failures, random) => {
          const end = (order: typeof failures) => {
            const [first, ...rest] = order;
            const letter = letterOf(news(first), 'id');
            openingOf(letter);
            for (const one of [...rest, ...rest]) failAgain(letter, news(one));
            const { generation, revision, error_class, state } = letter;
            return { generation, revision, error_class, state };
          };
          const shuffled = failures
            .map((f) => [random.next().value, f] as const)
            .sort((a, b) => a[0] - b[0])
            .map(([, f]) => f);
          expect(end(shuffled)).toEqual(end(failures));
        },
      ),
    );
  });
});
