import { statement } from '@assay/postgres';
import { ITEM_COLUMNS } from './columns.js';

/** Seconds, 30 years: what one priority weighs. */
const MORE_THAN_ANY_WAIT = '1e9::float8';

/**
 * The next items of any queue whose effect is stored and whose events are not acknowledged: left over from a crash, or
 * put back while Kafka was away. Strictly by priority here: what waits is an outage's backlog and drains as a whole.
 *
 * $1 limit, $2 owner, $3 token, $4 lease in ms
 */
export const CLAIM_UNPUBLISHED = statement(
  'work_items.claim_unpublished',
  `WITH picked AS MATERIALIZED (
    SELECT candidate.id FROM generate_series(9, 0, -1) AS level(priority)
    CROSS JOIN LATERAL (
      SELECT id, due_at FROM work_items
      WHERE state = 'queued' AND phase = 'publish'
        AND priority = level.priority AND due_at <= (SELECT clock_timestamp())
      ORDER BY due_at, id
      LIMIT $1
      FOR UPDATE SKIP LOCKED
    ) AS candidate
    ORDER BY level.priority DESC, candidate.due_at, candidate.id
    LIMIT $1
  )
  UPDATE work_items AS w
  SET state = 'running', claimed_by = $2, lease_token = $3, expired_token = NULL,
    lease_expires_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000)
  WHERE w.id = ANY (ARRAY(SELECT id FROM picked))
  RETURNING ${ITEM_COLUMNS}, extract(epoch FROM w.due_at)::float8 - w.priority * ${MORE_THAN_ANY_WAIT} AS place`,
);
