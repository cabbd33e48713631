import { statement } from '@assay/postgres';
import { ITEM_COLUMNS } from './columns.js';

/**
 * `queued → running` for the next items of one queue, by priority, then due time, then age (WQ-1). Ten short index
 * scans, one a priority, merged: each second of waiting counts against the priority, so that nothing starves.
 *
 * - MATERIALIZED, or the planner may run the locking part again for each joined row and claim more than asked for.
 * - `clock_timestamp()` in a sub-select, because a volatile function would be no index condition but a filter over all
 *   that is due later.
 * - One index over (queue, effective time) would be one scan, but an item's due time then could not be told from its
 *   priority, and retries of high priority would stand before everything until they are due.
 *
 * Measured with 100 of a backlog spread evenly over all ten priorities (the worst case: 1,000 rows locked), PostgreSQL
 * 18 on 2 cores, median of 40: 2.2 ms at 1,000 and at 10,000 rows, 3.3 ms at a million. EXPLAIN ANALYZE at 10,000:
 *
 *   Update on work_items w (actual time=1.592..3.701 rows=100)
 *     CTE picked
 *       ->  Limit (rows=100)
 *             ->  Sort (Sort Key: row_number())
 *                   ->  WindowAgg (rows=1000)
 *                         ->  Nested Loop (rows=1000)
 *                               ->  Function Scan on generate_series level (rows=10)
 *                               ->  Limit (rows=100 loops=10)
 *                                     ->  LockRows (rows=100 loops=10)
 *                                           ->  Index Scan using work_items_due (rows=100 loops=10)
 *
 * $1 queue, $2 limit, $3 seconds of waiting that outweigh one priority, $4 owner, $5 token, $6 lease in ms
 */
export const CLAIM_DUE = statement(
  'work_items.claim_due',
  `WITH picked AS MATERIALIZED (
    SELECT candidate.id,
      row_number() OVER (ORDER BY candidate.due_at - make_interval(secs => level.priority * $3::float8), candidate.id) AS place
    FROM generate_series(9, 0, -1) AS level(priority)
    CROSS JOIN LATERAL (
      SELECT id, due_at FROM work_items
      WHERE queue = $1 AND state = 'queued' AND phase = 'work' AND crashes = 0
        AND priority = level.priority AND due_at <= (SELECT clock_timestamp())
      ORDER BY due_at, id
      LIMIT $2
      FOR UPDATE SKIP LOCKED
    ) AS candidate
    ORDER BY place
    LIMIT $2
  )
  UPDATE work_items AS w
  SET state = 'running', claimed_by = $4, lease_token = $5, expired_token = NULL,
    lease_expires_at = clock_timestamp() + make_interval(secs => $6::float8 / 1000)
  FROM picked
  WHERE w.id = picked.id
  RETURNING ${ITEM_COLUMNS}, picked.place`,
);
