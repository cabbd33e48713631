import { born, isClosed, isNewer, move, OWN_ACTOR } from '../letters/index.js';
import type { DeadLetter, Transition } from '../letters/index.js';
import type { ReplayUnderWay } from '../replay/index.js';
import type { FailureNews, SettlementNews } from './news.js';

/** What is remembered of a subject that ended well. */
export type Settlement = Pick<SettlementNews, 'job_id' | 'generation' | 'revision' | 'occurred_at' | 'cause'>;

/** Classes that time may mend: exhausted again says no more than that more time is needed (DLQ-1, DLQ-9). */
const RETRYABLE_CLASSES = ['DEPENDENCY_UNAVAILABLE', 'DEPENDENCY_TIMEOUT', 'CONFLICT', 'NO_NEWS'];

/** The dead letter that a first failure makes. */
export function letterOf(news: FailureNews, id: string): DeadLetter {
  return { ...news, id, occurrences: 1, state: 'open', changes: 0, assignee: null };
}

export function openingOf(letter: DeadLetter): Transition {
  return born(letter, { cause: 'failed', actor: OWN_ACTOR, correlation_id: letter.correlation_id });
}

/**
 * A further failure of the same subject, applied to its dead letter in memory. Returns null where it is no news
 * (redelivered, or older: GEN-9), else the transitions it causes.
 *
 * The same class again while somebody is at it only brings the facts up to date; another class, or a failure after the
 * dead letter was closed, opens it anew: what was found out about the last failure does not hold for this one. What
 * fails under a replay in the same way for good is escalated (DLQ-9): the evidence was none.
 */
export function failAgain(letter: DeadLetter, news: FailureNews, replay?: ReplayUnderWay): Transition[] | null {
  if (!isNewer(news, letter)) return null;
  const next = nextState(letter, news, replay);
  Object.assign(letter, {
    ...news,
    // The first failure of this dead letter stays the first.
    first_failure_at: letter.first_failure_at < news.first_failure_at ? letter.first_failure_at : news.first_failure_at,
    occurrences: letter.occurrences + 1,
  });
  if (next === null) return [];
  if (next.to === 'open') letter.assignee = null;
  return [move(letter, { ...next, actor: OWN_ACTOR, correlation_id: news.correlation_id })];
}

type Next = { to: 'open'; cause: 'failed_again' } | { to: 'escalated'; cause: 'failed_the_same_way' };
const REOPEN: Next = { to: 'open', cause: 'failed_again' };

function nextState(letter: DeadLetter, news: FailureNews, replay: ReplayUnderWay | undefined): Next | null {
  if (letter.state === 'replaying') {
    // Late news of what is being replayed: the replay itself is still under way.
    if (replay && news.generation <= replay.requested_generation!) return null;
    const same = (replay ?? letter).error_class === news.error_class;
    const for_good = same && !RETRYABLE_CLASSES.includes(news.error_class);
    return for_good ? { to: 'escalated', cause: 'failed_the_same_way' } : REOPEN;
  }
  const reopens = letter.state !== 'open' && (isClosed(letter.state) || letter.error_class !== news.error_class);
  return reopens ? REOPEN : null;
}

/** What ended well resolves the dead letter, unless that is closed already or tells of a later failure. */
export function settle(letter: DeadLetter, news: Settlement): Transition[] {
  if (isClosed(letter.state) || !isNewer(news, letter)) return [];
  const step = { actor: OWN_ACTOR, correlation_id: letter.correlation_id };
  return [move(letter, { ...step, to: 'resolved', cause: news.cause })];
}
