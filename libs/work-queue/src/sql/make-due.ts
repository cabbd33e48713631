import { statement } from '@assay/postgres';
import { marksOf } from './lanes.js';

/** `IS TRUE` keeps the list a hashed subplan; a join that was planned while the table was empty compares each with each. */
const WAITING = `queue = $1 AND state = 'queued' AND phase = 'work' AND due_at > (SELECT clock_timestamp())
      AND (subject_id IN (SELECT wanted FROM unnest($2::text[]) AS wanted)) IS TRUE`;

/**
 * Items of these subjects that wait for a later time are due now; what is due already, or at work, stays as it is. Reads
 * whatever waits in the queue, for no index goes by subject: an entry with every item would serve an act that is rare.
 *
 * $1 queue, $2 subjects. Returns the subject of each item.
 * EXPLAIN: Index Scans on work_items_due, work_items_in_lane and work_items_suspect, then on work_items_pkey. Of 100,000
 * waiting items, on two busy cores: one made due in 0.2 s, 5,000 in 0.6 s.
 */
export const MAKE_DUE = statement(
  'work_items.make_due',
  `WITH waiting AS MATERIALIZED (
    SELECT id FROM work_items WHERE ${WAITING} AND crashes = 0 AND lane IS NULL
    UNION ALL
    SELECT id FROM work_items WHERE ${WAITING} AND crashes = 0 AND lane IS NOT NULL
    UNION ALL
    SELECT id FROM work_items WHERE ${WAITING} AND crashes > 0
  ), made AS (
    UPDATE work_items AS w SET due_at = clock_timestamp()
    WHERE w.id = ANY (ARRAY(SELECT id FROM waiting ORDER BY id)) AND w.state = 'queued'
    RETURNING w.subject_id, w.queue, w.lane, w.phase, w.due_at
  ), ${marksOf('made')}
  SELECT subject_id FROM made`,
);
