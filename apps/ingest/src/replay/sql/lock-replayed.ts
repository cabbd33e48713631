import { statement } from '@assay/postgres';

/**
 * The jobs that are to be replayed, locked in id order as progress locks them, so that neither waits for the other in
 * a circle.
 *
 * $1: uuid[].
 * EXPLAIN at 10,000 jobs: LockRows over Sort over a Bitmap Heap Scan by jobs_pkey; an Index Only Scan of
 * submissions_pkey each (not EXISTS, of which the planner makes one hash of the whole table).
 */
export const LOCK_REPLAYED = statement(
  'lock_replayed',
  `SELECT j.id, j.source, j.changelist_id, j.review_version, j.priority, j.state, j.generation, j.correlation_id,
      j.traceparent,
      (SELECT true FROM submissions s WHERE s.artefact_id = j.id) IS NOT NULL AS submission_kept,
      j.idempotency_key IS NULL AS submitted_again
    FROM jobs j WHERE j.id = ANY($1::uuid[]) ORDER BY j.id FOR NO KEY UPDATE OF j`,
);
