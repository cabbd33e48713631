import { statement } from '@assay/postgres';

/**
 * The progress of the jobs that a batch of news tells of, locked in id order so that two consumers of one job take
 * turns and never wait for each other in a circle.
 *
 * $1: uuid[].
 * EXPLAIN at 10,000 jobs: LockRows over Sort over a Bitmap Heap Scan by jobs_pkey.
 */
export const LOCK_PROGRESS = statement(
  'lock_progress',
  `SELECT id, source, changelist_id, review_version, correlation_id, traceparent, priority, state, generation, stage,
      revision, validate_revision, notify_revision, counts, versions, reading, truncated, deliveries, given_up
    FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`,
);
