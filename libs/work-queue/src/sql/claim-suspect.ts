import { statement } from '@assay/postgres';
import { ITEM_COLUMNS } from './columns.js';

/**
 * The next item that expired in a crash, one at a time (WQ-4); of a queue with lanes, one that its lane has room for. There
 * are never more of them than the replicas had at work, so those of other lanes are stepped over.
 *
 * $1 queue, $2 owner, $3 token, $4 lease in ms, $5 lanes with room, $6 lanes with room for what is overdue
 */
export const CLAIM_SUSPECT = statement(
  'work_items.claim_suspect',
  `WITH picked AS MATERIALIZED (
    SELECT id FROM work_items
    WHERE queue = $1 AND state = 'queued' AND phase = 'work' AND crashes > 0
      AND due_at <= (SELECT clock_timestamp())
      AND (lane IS NULL OR lane = ANY ($5::text[])
        OR (lane = ANY ($6::text[]) AND overdue_at <= (SELECT clock_timestamp())))
    ORDER BY due_at, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
  )
  UPDATE work_items AS w
  SET state = 'running', claimed_by = $2, lease_token = $3, expired_token = NULL,
    lease_expires_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000)
  WHERE w.id = ANY (ARRAY(SELECT id FROM picked))
  RETURNING ${ITEM_COLUMNS}, 0::float8 AS place`,
);
