import { statement } from '@assay/postgres';

/**
 * Jobs whose idempotency key may pass to another submission, locked if they are still such (ING-3). Nobody is waited for:
 * whoever holds one, a replay or news of it, may hang. What is not among them is judged anew, soon.
 *
 * $1: uuid[].
 * EXPLAIN at 100,000 jobs: LockRows over a Sort of an Index Scan on jobs_pkey.
 */
export const LOCK_PASSING = statement(
  'lock_passing',
  `SELECT id FROM jobs
    WHERE id = ANY($1::uuid[]) AND state = 'failed' AND stage = 'validate' AND NOT given_up
    ORDER BY id FOR UPDATE SKIP LOCKED`,
);
