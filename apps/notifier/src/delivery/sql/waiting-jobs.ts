import { statement } from '@assay/postgres';

/**
 * Reviews that wait for a destination, the oldest first: those with open deliveries are looked at one after the other,
 * each through its deliveries; they are few, while `deliveries` keeps all that ever were. LATERAL, for a plan of EXISTS
 * may begin with the deliveries. A job that waits under two generations comes twice.
 *
 * $1 channel, $2 address or null for all of the channel, $3 at most.
 * EXPLAIN: Limit over a Nested Loop of an Index Scan on reviews_open with an Index Scan on deliveries_of_review.
 * At 100,000 deliveries, 20 of them open: 0.1 ms; all deliveries read and made distinct: 42 ms.
 */
export const WAITING_JOBS = statement(
  'waiting_jobs',
  `SELECT r.job_id, r.source
    FROM reviews AS r
    CROSS JOIN LATERAL (
      SELECT FROM deliveries AS d
      WHERE d.job_id = r.job_id AND d.generation = r.generation
        AND d.state IN ('pending', 'retry_scheduled', 'sending') AND d.channel = $1
        AND ($2::text IS NULL OR d.address = $2)
      LIMIT 1
    ) AS waiting
    WHERE r.open > 0
    ORDER BY r.created_at
    LIMIT $3`,
);
