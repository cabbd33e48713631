import { statement } from '@assay/postgres';
import { ITEM_COLUMNS, withinBytes } from './columns.js';

/** Seconds, 30 years: what one priority weighs. */
const MORE_THAN_ANY_WAIT = '1e9::float8';

/**
 * The next items of any queue whose effect is stored and whose events are not acknowledged: left over from a crash, or
 * put back while Kafka was away. Strictly by priority here: what waits is an outage's backlog and drains as a whole. Of
 * payloads no more than there is room for (WQ-11).
 *
 * $1 limit, $2 owner, $3 token, $4 lease in ms, $5 bytes of payloads in all, $6 whether the first payload may be larger
 */
export const CLAIM_UNPUBLISHED = statement(
  'work_items.claim_unpublished',
  `WITH candidate AS MATERIALIZED (
    SELECT due.id, due.bytes, level.priority, due.due_at FROM generate_series(9, 0, -1) AS level(priority)
    CROSS JOIN LATERAL (
      SELECT id, due_at, octet_length(payload) AS bytes FROM work_items
      WHERE state = 'queued' AND phase = 'publish'
        AND priority = level.priority AND due_at <= (SELECT clock_timestamp())
      ORDER BY due_at, id
      LIMIT $1
      FOR UPDATE SKIP LOCKED
    ) AS due
    ORDER BY level.priority DESC, due.due_at, due.id
    LIMIT $1
  )
  UPDATE work_items AS w
  SET state = 'running', claimed_by = $2, lease_token = $3, expired_token = NULL,
    lease_expires_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000)
  WHERE w.id = ANY (ARRAY(${withinBytes('priority DESC, due_at, id', '$5', '$6')}))
  RETURNING ${ITEM_COLUMNS}, extract(epoch FROM w.due_at)::float8 - w.priority * ${MORE_THAN_ANY_WAIT} AS place`,
);
