import { statement } from '@assay/postgres';
import { ITEM_COLUMNS } from './columns.js';

const WAITS = `state = 'queued' AND phase = 'work' AND crashes = 0 AND lane IS NOT NULL`;
const IS_DUE = `due_at <= (SELECT clock_timestamp())`;

/**
 * `queued → running` for the next items of the lanes asked for, of each no more than it has room for (WQ-9).
 *
 * - Within a lane sources take turns, beginning with the one after `after`: the first of each, then the second of each.
 *   Priority, raised by waiting, orders the items of one source only.
 * - The sources and priorities with something queued are found by steps of the index, each from the one before. Of each as
 * many due items as the lane has room for are looked at; where there are more sources than room, one of each whose turn is
 * near (twice the room: another claim may have the first of them). So a claim costs by the lanes asked for and by their
 * sources, not by what waits in them, nor by any other lane.
 * - Of a lane asked for as `overdue` (its circuit is open) it takes what no circuit holds back any longer, the longest
 *   overdue first.
 * - What is locked and not taken is free again with the commit; another claim goes round it meanwhile.
 *
 * For the rest see {@link CLAIM_DUE}: MATERIALIZED, the clock in a sub-select, rows updated by their ids.
 *
 * EXPLAIN, whenever it is planned:
 *
 *   Update on work_items w
 *     CTE asked
 *       ->  Function Scan on u
 *     CTE head
 *       ->  Recursive Union
 *             ->  Nested Loop: CTE Scan on asked; Limit, Index Only Scan using work_items_in_lane
 *             ->  Nested Loop: WorkTable Scan on head; Limit, Index Only Scan using work_items_in_lane
 *     CTE near
 *       ->  WindowAgg (sources) over WindowAgg (place) over Sort over CTE Scan on head
 *     CTE candidate
 *       ->  Append
 *             ->  Nested Loop: CTE Scan on near; Limit, LockRows, Index Scan using work_items_in_lane
 *             ->  Nested Loop: CTE Scan on asked; Limit, LockRows, Index Scan using work_items_overdue
 *     CTE picked
 *       ->  Subquery Scan: WindowAgg (nth) over Sort over WindowAgg (round) over Sort over CTE Scan on candidate
 *     ->  Index Scan using work_items_pkey on work_items w
 *           Index Cond: (id = ANY (picked))
 *
 * $1 queue, $2 lanes, $3 rooms, $4 the source of each that had the last turn (or ''), $5 overdue only, $6 seconds of waiting
 * that outweigh one priority, $7 owner, $8 token, $9 lease in ms
 */
export const CLAIM_LANES = statement(
  'work_items.claim_lanes',
  `WITH RECURSIVE asked AS MATERIALIZED (
    SELECT * FROM unnest($2::text[], $3::int[], $4::text[], $5::bool[]) AS u(lane, room, after, overdue)
  ), head(lane, room, after, source, priority, due_at) AS (
    SELECT a.lane, a.room, a.after, first.source, first.priority, first.due_at FROM asked AS a
    CROSS JOIN LATERAL (
      SELECT source, priority, due_at FROM work_items
      WHERE queue = $1 AND lane = a.lane AND ${WAITS}
      ORDER BY source, priority, due_at LIMIT 1
    ) AS first
    WHERE NOT a.overdue
    UNION ALL
    SELECT head.lane, head.room, head.after, next.source, next.priority, next.due_at FROM head
    CROSS JOIN LATERAL (
      SELECT source, priority, due_at FROM work_items
      WHERE queue = $1 AND lane = head.lane AND (source, priority) > (head.source, head.priority) AND ${WAITS}
      ORDER BY source, priority, due_at LIMIT 1
    ) AS next
  ), turn AS (
    SELECT lane, room, source, priority, dense_rank() OVER (
        PARTITION BY lane ORDER BY source COLLATE "C" <= after, source COLLATE "C") AS place
    FROM head WHERE ${IS_DUE}
  ), near AS MATERIALIZED (
    SELECT *, max(place) OVER (PARTITION BY lane) AS sources FROM turn
  ), candidate AS MATERIALIZED (
    SELECT near.lane, near.room, near.source, near.place, due.id,
      due.due_at - make_interval(secs => near.priority * $6::float8) AS rank
    FROM near
    CROSS JOIN LATERAL (
      SELECT id, due_at FROM work_items
      WHERE queue = $1 AND lane = near.lane AND source = near.source AND priority = near.priority AND ${WAITS}
        AND ${IS_DUE}
      ORDER BY due_at, id
      LIMIT CASE WHEN near.sources >= near.room THEN 1 ELSE near.room END
      FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE near.place <= 2 * near.room
    UNION ALL
    SELECT a.lane, a.room, '', 1, due.id, due.overdue_at FROM asked AS a
    CROSS JOIN LATERAL (
      SELECT id, overdue_at FROM work_items
      WHERE queue = $1 AND lane = a.lane AND ${WAITS} AND overdue_at <= (SELECT clock_timestamp()) AND ${IS_DUE}
      ORDER BY overdue_at, id
      LIMIT a.room
      FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE a.overdue
  ), picked AS MATERIALIZED (
    SELECT id FROM (
      SELECT id, room, row_number() OVER (PARTITION BY lane ORDER BY round, place) AS nth
      FROM (
        SELECT id, lane, room, place, row_number() OVER (PARTITION BY lane, source ORDER BY rank, id) AS round
        FROM candidate
      ) AS in_turn
    ) AS placed
    WHERE nth <= room
  )
  UPDATE work_items AS w
  SET state = 'running', claimed_by = $7, lease_token = $8, expired_token = NULL,
    lease_expires_at = clock_timestamp() + make_interval(secs => $9::float8 / 1000)
  WHERE w.id = ANY (ARRAY(SELECT id FROM picked))
  RETURNING ${ITEM_COLUMNS}, extract(epoch FROM w.due_at)::float8 - w.priority * $6::float8 AS place`,
);
