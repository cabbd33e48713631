import type { DeliverySummary, FindingCounts } from '@assay/contracts';
import { statement } from '@assay/postgres';

/**
 * Takes their idempotency keys from jobs that failed at stage `validate`, so that others can have them, and says so in
 * their timelines (ING-3). They are locked ({@link LOCK_PASSING}), and their successors not yet inserted.
 *
 * $1 uuid[]: the jobs; $2 uuid[]: the successor of each.
 * EXPLAIN at 100,000 jobs: Update over a Hash Join of the arrays with an Index Scan on jobs_pkey.
 */
export const PASS_KEYS = statement(
  'pass_keys',
  `WITH passed AS (
    UPDATE jobs j SET idempotency_key = NULL, ingest_revision = j.ingest_revision + 1
      FROM unnest($1::uuid[], $2::uuid[]) AS p(id, successor)
      WHERE j.id = ANY($1::uuid[]) AND j.id = p.id
    RETURNING j.id, j.source, j.changelist_id, j.review_version, j.generation, j.priority, j.correlation_id,
      j.traceparent, j.counts, j.reading, j.truncated, j.deliveries, j.ingest_revision AS revision, p.successor, clock_timestamp() AS passed_at
  ), told AS (
    INSERT INTO job_timeline (job_id, event_id, generation, revision, occurred_at, service, stage, type, cause)
    SELECT id, concat_ws(':', id, generation, revision, 'review.settled'), generation, revision, passed_at, 'ingest',
        'ingest', 'review.settled', 'submitted again as ' || successor
      FROM passed
  )
  SELECT * FROM passed`,
);

/** A job whose key has passed. */
export interface PassedJob {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  generation: number;
  priority: number;
  correlation_id: string;
  traceparent: string | null;
  counts: FindingCounts | null;
  reading: string | null;
  truncated: boolean | null;
  deliveries: DeliverySummary | null;
  revision: number;
  /** The job that has the key now. */
  successor: string;
  passed_at: string;
}
