import { statement } from '@assay/postgres';

/**
 * A lane with something queued bears a mark in `work_lanes` that is due no later than the first of it (WQ-9). Nobody may
 * wait for that: what queues an item holds locks of its own, and every item of a busy lane comes by here. So a mark is
 * never changed. Whoever queues something
 * - finds a mark that is due early enough, and locks it FOR KEY SHARE, as any number may at once: it stays until they have
 *   committed; or
 * - finds none, or only marks that are being taken away, and adds one of its own. A lane may have several.
 *
 * Whoever takes marks away (`LOCK_MARKS`, then `RENEW_MARKS`) locks them first, leaves those that somebody relies on, and
 * only then looks, by a statement that begins after it holds them, for what is queued. All who relied on these marks have
 * committed by then and are seen; all others have marks that it does not have.
 */
const COVERED = `covered AS MATERIALIZED (
    SELECT w.queue, w.lane FROM wanted AS w
    CROSS JOIN LATERAL (
      SELECT m.id FROM work_lanes AS m
      WHERE m.queue = w.queue AND m.lane = w.lane AND m.due_at <= w.due_at
      ORDER BY m.due_at
      LIMIT 1
      FOR KEY SHARE SKIP LOCKED
    ) AS mark
  )`;
const UNCOVERED = `INSERT INTO work_lanes (queue, lane, due_at)
    SELECT queue, lane, due_at FROM wanted WHERE (queue, lane) NOT IN (SELECT queue, lane FROM covered)`;

/** Marks the lanes of rows (queue, lane, phase, due_at) that a statement has just queued; they are the CTE of this name. */
export const marksOf = (rows: string): string => `wanted AS MATERIALIZED (
    SELECT queue, lane, min(due_at) AS due_at FROM ${rows}
    WHERE lane IS NOT NULL AND phase = 'work' GROUP BY queue, lane
  ), ${COVERED}, marked AS (
    ${UNCOVERED}
  )`;

/**
 * Marks lanes in the transaction that queues items of them. By the time at which that began, which is before any of its
 * items is due.
 *
 * $1 queues, $2 lanes, $3 due in ms.
 * EXPLAIN: Insert over a CTE Scan; Nested Loop of a CTE Scan with LockRows over an Index Scan on work_lanes_of.
 */
export const MARK_LANES = statement(
  'work_lanes.mark',
  `WITH wanted AS MATERIALIZED (
    SELECT queue, lane, now() + make_interval(secs => min(due_in_ms) / 1000) AS due_at
    FROM unnest($1::text[], $2::text[], $3::float8[]) AS u(queue, lane, due_in_ms) GROUP BY queue, lane
  ), ${COVERED}
  ${UNCOVERED}`,
);

/** As the index on it has it. */
const DUE_UTC = `(due_at AT TIME ZONE 'UTC')`;

/**
 * Lanes with something due, and in how many ms the first of all others is (lane null). What is not yet due costs nothing.
 * A mark may say so early, never late; a lane with several marks may come several times.
 *
 * $1 queue. EXPLAIN: Index Scans on work_lanes_due.
 */
export const DUE_LANES = statement(
  'work_lanes.due',
  `SELECT lane, 0::float8 AS due_in_ms FROM work_lanes
  WHERE queue = $1 AND ${DUE_UTC} <= (SELECT clock_timestamp() AT TIME ZONE 'UTC')
  UNION ALL
  (SELECT NULL, extract(epoch FROM due_at - clock_timestamp())::float8 * 1000 FROM work_lanes
    WHERE queue = $1 AND ${DUE_UTC} > (SELECT clock_timestamp() AT TIME ZONE 'UTC')
    ORDER BY ${DUE_UTC} LIMIT 1)`,
);

const WAITS = `state = 'queued' AND phase = 'work' AND crashes = 0 AND lane IS NOT NULL`;

/**
 * Lanes with something that no circuit holds back any longer: one probe for each lane with something queued, from which
 * the next begins. Asked once a second at most.
 *
 * $1 queue. EXPLAIN: Recursive Union of Index Only Scans on work_items_overdue.
 */
export const OVERDUE_LANES = statement(
  'work_lanes.overdue',
  `WITH RECURSIVE first(lane, overdue_at) AS (
    (SELECT lane, overdue_at FROM work_items
      WHERE queue = $1 AND ${WAITS} AND overdue_at IS NOT NULL
      ORDER BY lane, overdue_at LIMIT 1)
    UNION ALL
    SELECT next.lane, next.overdue_at FROM first
    CROSS JOIN LATERAL (
      SELECT lane, overdue_at FROM work_items
      WHERE queue = $1 AND lane > first.lane AND ${WAITS} AND overdue_at IS NOT NULL
      ORDER BY lane, overdue_at LIMIT 1
    ) AS next
  )
  SELECT lane FROM first WHERE overdue_at <= (SELECT clock_timestamp())`,
);

/** Marks to take away, locked; not those that somebody relies on. $1 queue, $2 lanes. EXPLAIN: LockRows over work_lanes_of. */
export const LOCK_MARKS = statement(
  'work_lanes.lock',
  `SELECT id FROM work_lanes WHERE queue = $1 AND lane = ANY ($2::text[]) FOR UPDATE SKIP LOCKED`,
);

const HEADS = ['queue', 'lane', 'source', 'priority'];

/** The first of each source and priority, by due time: a step of an index for each, found from the one before. */
const headsAfter = (after: string, where: string): string => `SELECT ${HEADS.join(', ')}, due_at FROM work_items
      WHERE ${WAITS} AND ${where} AND (${HEADS.join(', ')}) > (${after})
      ORDER BY ${HEADS.join(', ')}, due_at LIMIT 1`;
const SUSPECTS = `SELECT queue, lane, due_at FROM work_items
    WHERE state = 'queued' AND phase = 'work' AND crashes > 0 AND lane IS NOT NULL`;

/**
 * Takes locked marks away and sets, of each of their lanes, one for the first of what is queued now. Costs by sources and
 * priorities with something queued in these lanes.
 *
 * $1 queue, $2 ids of marks. Returns in how many ms each of the new ones is due.
 * EXPLAIN: Delete over an Index Scan on work_lanes_pkey; Recursive Union of Index Only Scans on work_items_in_lane;
 * an Index Scan on work_items_suspect.
 */
export const RENEW_MARKS = statement(
  'work_lanes.renew',
  `WITH RECURSIVE gone AS (
    DELETE FROM work_lanes WHERE id = ANY ($2::bigint[]) RETURNING lane
  ), lanes AS MATERIALIZED (
    SELECT DISTINCT lane FROM gone
  ), heads(queue, lane, source, priority, due_at) AS (
    SELECT head.* FROM lanes
    CROSS JOIN LATERAL (
      ${headsAfter(`$1, lanes.lane, '', -1::smallint`, `queue = $1 AND lane = lanes.lane`)}
    ) AS head
    UNION ALL
    SELECT next.* FROM heads
    CROSS JOIN LATERAL (
      ${headsAfter('$1, heads.lane, heads.source, heads.priority', 'queue = $1 AND lane = heads.lane')}
    ) AS next
  ), first AS (
    SELECT lane, min(due_at) AS due_at FROM (
      SELECT lane, due_at FROM heads
      UNION ALL
      SELECT lane, due_at FROM (${SUSPECTS} AND queue = $1) AS suspect WHERE lane = ANY (ARRAY(SELECT lane FROM lanes))
    ) AS each GROUP BY lane
  )
  INSERT INTO work_lanes (queue, lane, due_at) SELECT $1, lane, due_at FROM first
  RETURNING extract(epoch FROM due_at - clock_timestamp())::float8 * 1000 AS due_in_ms`,
);

/** When the first item of a queue's lanes is due; what a suspect waits for is told elsewhere. For a scalar sub-select. */
export const firstDueInLanes = (
  queue: string,
): string => `(WITH RECURSIVE heads(queue, lane, source, priority, due_at) AS (
    (${headsAfter(`${queue}, '', '', -1::smallint`, `queue = ${queue}`)})
    UNION ALL
    SELECT next.* FROM heads
    CROSS JOIN LATERAL (
      ${headsAfter('heads.queue, heads.lane, heads.source, heads.priority', 'queue = heads.queue')}
    ) AS next
  ) SELECT min(due_at) FROM heads)`;

/**
 * The net below: marks each lane of any queue that has something queued and no mark that is due early enough. There is
 * nothing for it to find, unless somebody wrote to the tables by hand. Costs by sources and priorities with something
 * queued; run with each sweep.
 *
 * EXPLAIN: Recursive Union of Index Only Scans on work_items_in_lane; an Index Only Scan on work_lanes_of for each lane.
 */
export const MARK_UNMARKED = statement(
  'work_lanes.mark_unmarked',
  `WITH RECURSIVE heads(queue, lane, source, priority, due_at) AS (
    (${headsAfter(`'', '', '', -1::smallint`, 'true')})
    UNION ALL
    SELECT next.* FROM heads
    CROSS JOIN LATERAL (
      ${headsAfter('heads.queue, heads.lane, heads.source, heads.priority', 'true')}
    ) AS next
  ), first AS MATERIALIZED (
    SELECT queue, lane, min(due_at) AS due_at FROM (
      SELECT queue, lane, due_at FROM heads
      UNION ALL
      SELECT queue, lane, due_at FROM (${SUSPECTS}) AS suspect
    ) AS each GROUP BY queue, lane
  )
  INSERT INTO work_lanes (queue, lane, due_at)
  SELECT queue, lane, due_at FROM first
  WHERE (SELECT true FROM work_lanes AS m
    WHERE m.queue = first.queue AND m.lane = first.lane AND m.due_at <= first.due_at LIMIT 1) IS NULL
  RETURNING queue, lane`,
);
