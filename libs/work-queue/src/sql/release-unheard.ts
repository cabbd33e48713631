import { statement } from '@assay/postgres';
import { marksOf } from './lanes.js';

/**
 * Gives back what claims took whose answers were lost: their owner never began the work, so an expiry would charge a
 * crash that was none (WQ-4). An item that has expired already has its crash taken off.
 *
 * Rare, so it has no index of its own: it reads what is running, which is as many rows as all workers have slots, and
 * what waits after a crash.
 *
 * $1 tokens
 */
export const RELEASE_UNHEARD = statement(
  'work_items.release_unheard',
  `WITH unheard AS MATERIALIZED (
    SELECT w.id FROM work_items AS w
    WHERE (w.state = 'running' AND w.lease_token = ANY ($1::uuid[]))
      OR (w.state = 'queued' AND w.phase = 'work' AND w.crashes > 0 AND w.expired_token = ANY ($1::uuid[]))
    ORDER BY w.id
    FOR UPDATE OF w
  ), back AS (
    UPDATE work_items AS w
    SET state = 'queued', due_at = CASE w.state WHEN 'running' THEN clock_timestamp() ELSE w.due_at END,
      claimed_by = NULL, lease_token = NULL, lease_expires_at = NULL, expired_token = NULL,
      crashes = CASE WHEN w.state = 'queued' THEN w.crashes - 1 ELSE w.crashes END
    FROM unheard
    WHERE w.id = unheard.id
    RETURNING w.id, w.queue, w.lane, w.phase, w.due_at
  ), ${marksOf('back')}
  SELECT id FROM back`,
);
