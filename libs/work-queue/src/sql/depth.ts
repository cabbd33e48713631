import { statement } from '@assay/postgres';

/** Depth and age per queue, phase and state, for the gauges (OBS-2). */
export const DEPTH = statement(
  'work_items.depth',
  `SELECT queue, phase, state, count(*) AS items,
    coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::float8 AS oldest_s
  FROM work_items
  GROUP BY queue, phase, state`,
);
