import { statement } from '@assay/postgres';
import { marksOf } from './lanes.js';

/**
 * `running` with an expired lease is nobody's: back to `queued`, with a crash charged in phase `work` (WQ-4). Rows that
 * their owner is just writing are skipped; that owner is alive.
 *
 * $1 limit
 */
export const SWEEP = statement(
  'work_items.sweep',
  `WITH expired AS MATERIALIZED (
    SELECT id FROM work_items
    WHERE state = 'running' AND lease_expires_at < (SELECT clock_timestamp())
    ORDER BY lease_expires_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
  ), back AS (
    UPDATE work_items AS w
    SET state = 'queued', due_at = clock_timestamp(), expired_token = w.lease_token,
      claimed_by = NULL, lease_token = NULL, lease_expires_at = NULL,
      crashes = CASE WHEN w.phase = 'work' THEN w.crashes + 1 ELSE w.crashes END,
      first_failure_at = CASE WHEN w.phase = 'work' THEN coalesce(w.first_failure_at, clock_timestamp())
        ELSE w.first_failure_at END
    WHERE w.id = ANY (ARRAY(SELECT id FROM expired))
    RETURNING w.queue, w.lane, w.phase, w.due_at, w.crashes, w.subject_id
  ), ${marksOf('back')}
  SELECT queue, phase, crashes, subject_id FROM back`,
);
