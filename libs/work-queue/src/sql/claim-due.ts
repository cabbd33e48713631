import { statement } from '@assay/postgres';
import { ITEM_COLUMNS, withinBytes } from './columns.js';

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
 * - The rows are updated by their ids and not by a join with `candidate`: a plan that was made while the table was empty
 *   went over the whole table, once for each row that was picked. Nothing of `candidate` can be returned so; a claim's order
 *   is told from the rows.
 *
 * Measured with 100 of a backlog spread evenly over all ten priorities (the worst case: 1,000 rows locked), PostgreSQL
 * 18 on 2 cores, median of 30: 1.5 ms at 1,000 and at 10,000 rows, 1.9 ms at 100,000, whenever it was planned; with
 * the join, planned while the table was empty, 11, 97 and 986 ms. EXPLAIN:
 *
 *   Update on work_items w
 *     CTE candidate
 *       ->  Limit
 *             ->  Sort (Sort Key: due_at - priority)
 *                   ->  Nested Loop
 *                         ->  Function Scan on generate_series level
 *                         ->  Limit
 *                               ->  LockRows
 *                                     ->  Index Scan using work_items_due
 *     InitPlan
 *       ->  Subquery Scan: WindowAgg over Sort over CTE Scan on candidate
 *     ->  Index Scan using work_items_pkey on work_items w
 *           Index Cond: (id = ANY (picked))
 *
 * - Each scan begins at a floor, by priority: see `ClaimFloors`.
 * - Payloads are counted before they are read (WQ-11): they stand out of line, and their length beside the reference. What
 *   is locked beyond the bound is free again with the commit, and first in the next claim.
 *
 * $1 queue, $2 limit, $3 seconds of waiting that outweigh one priority, $4 owner, $5 token, $6 lease in ms, $7 floors of
 * the priorities from 0 to 9, in seconds since 1970, $8 bytes of payloads in all, $9 whether the first payload may be larger
 */
export const CLAIM_DUE = statement(
  'work_items.claim_due',
  `WITH candidate AS MATERIALIZED (
    SELECT due.id, due.bytes, due.due_at - make_interval(secs => level.priority * $3::float8) AS rank
    FROM generate_series(9, 0, -1) AS level(priority)
    CROSS JOIN LATERAL (
      SELECT id, due_at, octet_length(payload) AS bytes FROM work_items
      WHERE queue = $1 AND state = 'queued' AND phase = 'work' AND crashes = 0 AND lane IS NULL
        AND priority = level.priority AND due_at <= (SELECT clock_timestamp())
        AND due_at >= to_timestamp(($7::float8[])[level.priority + 1])
      ORDER BY due_at, id
      LIMIT $2
      FOR UPDATE SKIP LOCKED
    ) AS due
    ORDER BY rank, due.id
    LIMIT $2
  )
  UPDATE work_items AS w
  SET state = 'running', claimed_by = $4, lease_token = $5, expired_token = NULL,
    lease_expires_at = clock_timestamp() + make_interval(secs => $6::float8 / 1000)
  WHERE w.id = ANY (ARRAY(${withinBytes('rank, id', '$8', '$9')}))
  RETURNING ${ITEM_COLUMNS}, date_part('epoch', w.due_at) - w.priority * $3::float8 AS place,
    date_part('epoch', w.due_at) AS due_s, (SELECT date_part('epoch', clock_timestamp())) AS now_s`,
);
