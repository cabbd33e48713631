import { createHash } from 'node:crypto';
import { Failure } from '@assay/contracts';

/** What two submissions may contend for. */
export interface Contender {
  source: string;
  idempotency_key: string;
  changelist_id: string;
}

/**
 * The advisory locks of a batch, ascending and each once, as text for a `bigint[]`: one for each changelist and one for
 * each key, both scoped by source (GEN-8). 64 bits of SHA-256; a collision only makes two submissions wait for each
 * other.
 */
export function contestLocks(contenders: readonly Contender[]): string[] {
  return ascending(new Set(contenders.flatMap(locksOf)));
}

/** The two of one contender, as {@link contestLocks} has them. */
export function contestLocksOf(contender: Contender): string[] {
  return locksOf(contender).map(String);
}

function locksOf({ source, idempotency_key, changelist_id }: Contender): bigint[] {
  return [lockOf('key', source, idempotency_key), lockOf('changelist', source, changelist_id)];
}

/**
 * The same for replays: the changelists, so that no submission of one is judged meanwhile (ING-4), and the items, so
 * that a request which two consumers hold at once is decided by one of them (DLQ-10).
 */
export function replayLocks(replays: readonly { source: string; changelist_id: string; item_id: string }[]): string[] {
  const locks = new Set<bigint>();
  for (const { source, changelist_id, item_id } of replays) {
    locks.add(lockOf('changelist', source, changelist_id));
    locks.add(lockOf('replay', '', item_id));
  }
  return ascending(locks);
}

/** The same for jobs that late news may take up again: their changelists (ING-11). */
export function changelistLocks(jobs: readonly { source: string; changelist_id: string }[]): string[] {
  return ascending(new Set(jobs.map(({ source, changelist_id }) => lockOf('changelist', source, changelist_id))));
}

/** Somebody else judges one of these now; to be asked again, soon. */
export function contestBusy(): Failure {
  const message = 'a submission or replay of the changelist is under way';
  return new Failure({ error_class: 'CONFLICT', code: 'changelist_busy', retryable: true, message });
}

function ascending(locks: ReadonlySet<bigint>): string[] {
  return [...locks].sort((a, b) => (a < b ? -1 : 1)).map(String);
}

/** None of the parts can hold a space. */
function lockOf(kind: string, source: string, name: string): bigint {
  return createHash('sha256').update(`ingest ${kind} ${source} ${name}`).digest().readBigInt64BE();
}
