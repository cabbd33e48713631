import { statement } from '@assay/postgres';

/**
 * Milliseconds until the next item of a queue without lanes is due for work: 0 or less when one is, null when none is queued. One
 * index probe a priority; `min()` over the queue would read all of it. Asked only by an idle worker (WQ-6).
 *
 * $1 queue, $2 floors of the priorities from 0 to 9 (`ClaimFloors`)
 */
export const NEXT_DUE_WORK = statement(
  'work_items.next_due_work',
  `SELECT extract(epoch FROM min(next.due_at) - clock_timestamp())::float8 * 1000 AS due_in_ms
  FROM (
    SELECT candidate.due_at
    FROM generate_series(0, 9) AS level(priority)
    CROSS JOIN LATERAL (
      SELECT due_at FROM work_items
      WHERE queue = $1 AND state = 'queued' AND phase = 'work' AND crashes = 0 AND lane IS NULL
        AND priority = level.priority AND due_at >= to_timestamp(($2::float8[])[level.priority + 1])
      ORDER BY due_at LIMIT 1
    ) AS candidate
    UNION ALL
    (SELECT due_at FROM work_items
      WHERE queue = $1 AND state = 'queued' AND phase = 'work' AND crashes > 0
      ORDER BY due_at LIMIT 1)
  ) AS next`,
);

/** The same for items that wait to be published; one step of the index for each queue. */
export const NEXT_DUE_PUBLISH = statement(
  'work_items.next_due_publish',
  `WITH RECURSIVE head(queue, due_at) AS (
    (SELECT queue, due_at FROM work_items
      WHERE state = 'queued' AND phase = 'publish' AND queue >= ''
      ORDER BY queue, due_at LIMIT 1)
    UNION ALL
    SELECT next.queue, next.due_at FROM head
    CROSS JOIN LATERAL (
      SELECT queue, due_at FROM work_items
      WHERE state = 'queued' AND phase = 'publish' AND queue > head.queue
      ORDER BY queue, due_at LIMIT 1
    ) AS next
  )
  SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 * 1000 AS due_in_ms FROM head`,
);
