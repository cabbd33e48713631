import type { Channel } from '@assay/contracts';
import { statement } from '@assay/postgres';

const WAITS = `d.state IN ('pending', 'retry_scheduled')`;
const WITHIN = `($2::text[] IS NULL OR d.source = ANY ($2))`;

/** A delivery that may wait for a later time; what it waits for, its item knows. */
export interface WaitingDelivery {
  id: string;
  channel: Channel;
  address: string;
}

/** $1 the delivery's id, $2 sources or null. */
export const WAITING_DELIVERY = statement(
  'waiting_delivery',
  `SELECT d.id, d.channel, d.address FROM deliveries AS d WHERE d.id = $1 AND ${WITHIN} AND ${WAITS}`,
);

/** $1 the job's id, $2 sources or null. EXPLAIN: an Index Scan on deliveries_of_review. */
export const WAITING_OF_JOB = statement(
  'waiting_of_job',
  `SELECT d.id, d.channel, d.address FROM deliveries AS d WHERE d.job_id = $1 AND ${WITHIN} AND ${WAITS}`,
);

/**
 * Through the parents that are open, which are few: see WAITING_JOBS.
 *
 * $1 channel, $2 sources or null, $3 address or null for all of the channel.
 * EXPLAIN: a Nested Loop of an Index Scan on reviews_open with an Index Scan on deliveries_of_review.
 */
export const WAITING_BEHIND = statement(
  'waiting_behind',
  `SELECT d.id, d.channel, d.address
    FROM reviews AS r
    CROSS JOIN LATERAL (
      SELECT d.id, d.channel, d.address FROM deliveries AS d
      WHERE d.job_id = r.job_id AND d.generation = r.generation AND ${WITHIN} AND ${WAITS} AND d.channel = $1
        AND ($3::text IS NULL OR d.address = $3)
    ) AS d
    WHERE r.open > 0`,
);

/** Whether there is a delivery ($1) or one of a job ($1) at all, within the sources ($2). */
export const KNOWN_DELIVERY = statement('known_delivery', `SELECT FROM deliveries AS d WHERE d.id = $1 AND ${WITHIN}`);
export const KNOWN_JOB = statement(
  'known_job',
  `SELECT FROM deliveries AS d WHERE d.job_id = $1 AND ${WITHIN} LIMIT 1`,
);

/** What their next attempt was told to be is past. $1 uuid[]. EXPLAIN: Index Scans on deliveries_pkey. */
export const ATTEMPT_NOW = statement(
  'attempt_now',
  `WITH mine AS MATERIALIZED (
    SELECT id FROM deliveries
      WHERE id = ANY ($1::uuid[]) AND state = 'retry_scheduled' AND next_attempt_at > clock_timestamp()
      ORDER BY id FOR UPDATE
  )
  UPDATE deliveries AS d SET next_attempt_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE d.id = ANY (ARRAY(SELECT id FROM mine))`,
);
