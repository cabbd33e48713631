import { statement } from '@assay/postgres';

/**
 * Changes what parents count, under their locks and in order, and raises their revision (DEL-15): two workers that
 * finish the last two deliveries together come one after the other, and one of them alone sees `open` reach zero. What
 * was told of their waiting is over: a delivery that still waits has it told again (BEGIN_WAITING).
 *
 * $1 json: [{job_id, generation, open, failed}], differences. Returns the parents as they are now.
 * EXPLAIN: Nested Loops over a Function Scan, Index Scans on reviews_pkey.
 */
export const CHANGE_PARENTS = statement(
  'change_parents',
  `WITH delta AS (
    SELECT * FROM json_to_recordset($1::json) AS u(job_id uuid, generation int, open int, failed int)
  ), locked AS MATERIALIZED (
    SELECT r.job_id, r.generation, delta.open, delta.failed FROM delta JOIN reviews AS r USING (job_id, generation)
      ORDER BY r.job_id, r.generation FOR UPDATE OF r
  )
  UPDATE reviews AS r
    SET open = r.open + l.open, failed = r.failed + l.failed, revision = r.revision + 1, waits_until = NULL
    FROM locked AS l WHERE r.job_id = l.job_id AND r.generation = l.generation
    RETURNING r.job_id, r.generation, r.source, r.changelist_id, r.review_version, r.priority, r.open, r.failed,
      r.revision, r.correlation_id, r.traceparent, clock_timestamp() AS occurred_at`,
);

/**
 * Marks parents as waiting, of whom that is not told yet, under their locks and in order; each gets a new revision to
 * tell it by. One that has settled meanwhile waits for nothing. What is open is asked for after the locks: before, a plan
 * that is made while few reviews are open would compare each parent with all of `reviews_open`.
 *
 * $1 json: [{job_id, generation, waits_ms}]. Returns the parents that are to tell.
 * EXPLAIN: Nested Loops over a Function Scan, Index Scans on reviews_pkey.
 */
export const BEGIN_WAITING = statement(
  'begin_waiting',
  `WITH asked AS (
    SELECT * FROM json_to_recordset($1::json) AS u(job_id uuid, generation int, waits_ms float8)
  ), locked AS MATERIALIZED (
    SELECT r.job_id, r.generation, r.open, r.waits_until, asked.waits_ms
      FROM asked JOIN reviews AS r USING (job_id, generation)
      ORDER BY r.job_id, r.generation FOR UPDATE OF r
  )
  UPDATE reviews AS r
    SET waits_until = clock_timestamp() + l.waits_ms * interval '1 millisecond', revision = r.revision + 1
    FROM locked AS l WHERE r.job_id = l.job_id AND r.generation = l.generation
      AND l.open > 0 AND (l.waits_until IS NULL OR l.waits_until < clock_timestamp())
    RETURNING r.job_id, r.generation, r.source, r.changelist_id, r.review_version, r.priority, r.open, r.failed,
      r.revision, r.correlation_id, r.traceparent, r.waits_until, clock_timestamp() AS occurred_at`,
);

/** Parents as they stand, locked: for one that is asked again (GEN-2). $1 uuid[], $2 int[]. */
export const READ_PARENTS = statement(
  'read_parents',
  `SELECT r.job_id, r.generation, r.source, r.changelist_id, r.review_version, r.priority, r.open, r.failed, r.revision,
      r.correlation_id, r.traceparent, clock_timestamp() AS occurred_at
    FROM unnest($1::uuid[], $2::int[]) AS u(job_id, generation)
    JOIN reviews AS r USING (job_id, generation)
    ORDER BY r.job_id, r.generation FOR UPDATE OF r`,
);

/**
 * How many deliveries of each parent stand where, and when those that failed are due again. A statement of its own: only one that starts after the parents are
 * locked sees what others have committed meanwhile.
 */
export const COUNT_DELIVERIES = statement(
  'count_deliveries',
  `SELECT d.job_id, d.generation, d.channel, d.state, count(*)::int AS deliveries,
      coalesce(sum(d.withheld), 0)::int AS withheld,
      max(d.next_attempt_at) FILTER (WHERE d.state = 'retry_scheduled') AS waits_until
    FROM unnest($1::uuid[], $2::int[]) AS u(job_id, generation)
    JOIN deliveries AS d USING (job_id, generation)
    GROUP BY 1, 2, 3, 4`,
);
