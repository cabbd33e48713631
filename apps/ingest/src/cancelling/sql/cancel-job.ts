import { statement } from '@assay/postgres';

/**
 * The job, locked as progress and replays lock it, so that it neither ends nor begins anew meanwhile.
 *
 * $1 uuid.
 * EXPLAIN: LockRows over an Index Scan on jobs_pkey.
 */
export const LOCK_CANCELLED = statement(
  'lock_cancelled',
  `SELECT id, source, changelist_id, review_version, priority, generation, settled_at, correlation_id, traceparent,
      clock_timestamp() AS now
    FROM jobs WHERE id = $1 FOR NO KEY UPDATE`,
);

/** Its line of the timeline, which is also what makes a second call change nothing. Returns no row where it stands. */
export const TELL_CANCELLED = statement(
  'tell_cancelled',
  `INSERT INTO job_timeline (job_id, event_id, generation, revision, occurred_at, service, stage, type, cause)
    VALUES ($1, $2, $3, $4, $5, 'ingest', 'ingest', 'review.cancelled', $6)
    ON CONFLICT DO NOTHING RETURNING job_id`,
);

export interface CancellableJob {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  priority: number;
  generation: number;
  settled_at: string | null;
  correlation_id: string;
  traceparent: string | null;
  /** By the database's clock. */
  now: string;
}
