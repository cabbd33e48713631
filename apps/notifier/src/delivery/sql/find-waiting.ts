import { statement } from '@assay/postgres';

/**
 * Reviews that wait for a destination and have not said so, the oldest first: some of those that are open, from where the
 * last look ended. What has said so is passed over by its own row alone.
 *
 * $1 channel, $2 address or null for all of the channel, $3 after this time, whole as it was returned, $4 and this job, $5 how
 * many open ones to look at. Returns a row for each that was looked at; `delivery_id` is null for what is not to be told.
 * EXPLAIN: Nested Loop Left Join of a Limit over an Incremental Sort of an Index Scan on reviews_open with a Limit over an Index Scan on
 * deliveries_of_review.
 */
export const FIND_WAITING = statement(
  'find_waiting',
  `SELECT r.created_at::text AS created_at, r.job_id, r.generation, waiting.id AS delivery_id, waiting.address,
      (extract(epoch FROM clock_timestamp()
        - coalesce(waiting.first_attempt_at, waiting.waits_since, waiting.created_at)) * 1000)::float8 AS waited_ms,
      1 + (SELECT count(*)::int FROM delivery_history AS h
        WHERE h.delivery_id = waiting.id AND h.at >= waiting.first_attempt_at
          AND h.to_state = 'retry_scheduled') AS attempt
    FROM (
      SELECT job_id, generation, created_at, waits_until IS NULL OR waits_until < clock_timestamp() AS untold
      FROM reviews WHERE open > 0 AND (created_at, job_id) > ($3::timestamptz, $4::uuid)
      ORDER BY created_at, job_id
      LIMIT $5
    ) AS r
    LEFT JOIN LATERAL (
      SELECT d.id, d.address, d.first_attempt_at, d.waits_since, d.created_at FROM deliveries AS d
      WHERE r.untold AND d.job_id = r.job_id AND d.generation = r.generation
        AND d.state IN ('pending', 'retry_scheduled', 'sending') AND d.channel = $1
        AND ($2::text IS NULL OR d.address = $2)
        AND (d.next_attempt_at IS NULL OR d.next_attempt_at < clock_timestamp())
      LIMIT 1
    ) AS waiting ON true`,
);
