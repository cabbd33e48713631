import { statement } from '@assay/postgres';

/**
 * One writer at a time for each changelist and each idempotency key, across replicas, until the transaction ends. Without
 * waiting: returns which of the locks are somebody else's now. Their holder may be a session that hangs, and all who share
 * the transaction, or come after it, would hang with it (GEN-7).
 *
 * Advisory locks rather than ON CONFLICT and a second judgement: unique indexes guard one key and one version, but
 * ING-5 compares versions, and no index stops version 1 and version 2 from being accepted at the same moment without
 * `rerun`. A statement of its own, because READ COMMITTED takes a statement's snapshot before it runs: only the next one
 * sees what the last holder of a lock has committed.
 *
 * $1: bigint[], ascending, each once.
 * EXPLAIN: a Function Scan on unnest, filtered.
 */
export const LOCK_CONTEST = statement(
  'lock_contest',
  `SELECT l::text AS held FROM unnest($1::bigint[]) AS u(l) WHERE NOT pg_try_advisory_xact_lock(l)`,
);
