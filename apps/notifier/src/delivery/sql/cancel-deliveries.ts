import { statement } from '@assay/postgres';

/** $1 uuid job, $2 int generation, $3 actor, $4 reason. Returns no row where it is known. */
export const RECORD_CANCELLATION = statement(
  'record_cancellation',
  `INSERT INTO cancellations (job_id, generation, actor, reason) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING job_id`,
);

/**
 * ING-13: deliveries of cancelled generations that wait, and of which nothing can have been sent, end as waived. What is
 * being sent runs its course, and so does what may have been sent; where it turns out that it was not, its worker ends it.
 *
 * $1 uuid[], $2 int[]: (job, generation). Returns each with the state that it had.
 * EXPLAIN: Nested Loops, Index Scans on cancellations_pkey and deliveries_of_review.
 */
export const WAIVE_CANCELLED = statement(
  'waive_cancelled',
  `WITH waiting AS MATERIALIZED (
    SELECT d.id, d.state AS from_state, c.actor, c.reason
      FROM unnest($1::uuid[], $2::int[]) AS u(job_id, generation)
      JOIN cancellations AS c USING (job_id, generation)
      JOIN deliveries AS d USING (job_id, generation)
      WHERE d.state IN ('pending', 'retry_scheduled') AND d.maybe_sent_at IS NULL AND d.notification_id IS NULL
      ORDER BY d.id
      FOR UPDATE OF d
  ), history AS (
    INSERT INTO delivery_history (delivery_id, from_state, to_state, actor, cause)
    SELECT id, from_state, 'waived', actor, 'cancelled' FROM waiting
  )
  UPDATE deliveries AS d SET state = 'waived', waived_for = w.reason, next_attempt_at = NULL, updated_at = clock_timestamp()
    FROM waiting AS w WHERE d.id = w.id
    RETURNING d.id, d.job_id, d.generation, d.channel, d.state, w.from_state, d.notification_id, d.notified_at,
      d.payload_hash, d.original_ids, d.dead_lettered, d.repeat`,
);
