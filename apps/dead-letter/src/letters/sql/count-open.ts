import { statement } from '@assay/postgres';

/** Dead letters of one class and state are counted to here: a gauge that says "very many" needs no more. */
export const COUNTED_TO = 10_000;

/**
 * How many dead letters that are not closed stand in which class and state: steps from one pair to the next through
 * `dead_letters_counted`, and of each no more rows than are counted.
 *
 * $1 how far to count
 * EXPLAIN: Index Only Scans on dead_letters_counted, for a step a single row.
 */
export const COUNT_OPEN = statement(
  'dead_letter_count_open',
  `WITH RECURSIVE kinds(error_class, state) AS (
    (SELECT error_class, state FROM dead_letters WHERE closed_at IS NULL ORDER BY error_class, state LIMIT 1)
    UNION ALL
    SELECT next.error_class, next.state FROM kinds CROSS JOIN LATERAL (
      SELECT d.error_class, d.state FROM dead_letters AS d
      WHERE d.closed_at IS NULL AND (d.error_class, d.state) > (kinds.error_class, kinds.state)
      ORDER BY d.error_class, d.state LIMIT 1
    ) AS next
  )
  SELECT error_class, state, (SELECT count(*) FROM (
      SELECT FROM dead_letters AS d
      WHERE d.closed_at IS NULL AND d.error_class = kinds.error_class AND d.state = kinds.state
      LIMIT $1
    ) AS bounded) AS letters
  FROM kinds`,
);
