import { statement } from '@assay/postgres';

const STRANDED = `FROM reviews AS r
    JOIN deliveries AS d USING (job_id, generation)
    LEFT JOIN LATERAL (
      SELECT w.id, w.state, w.lease_token FROM work_items AS w
      WHERE w.id = d.intent_item_id AND w.phase = 'work' LIMIT 1
    ) AS w ON true
    WHERE r.open > 0 AND r.created_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
      AND d.intent_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000)
      AND NOT (w.id IS NOT NULL AND w.state = 'running' AND w.lease_token = d.intent_token)`;

/**
 * Deliveries with an open intent whose lease is over (DEL-11): the intent is older than a lease and a send, and no
 * running item bears its token any more. That a lease has ended is the sweeper's to say, which lets the owners that an outage
 * kept from renewing speak first.
 *
 * $1 float8: milliseconds that an intent must have; $2 int: at most.
 * EXPLAIN: Nested Loops over Index Scans on reviews_open, deliveries_of_review and work_items_pkey (through a LATERAL,
 * so that a plan which was made while that table was empty goes to it by id, too).
 */
export const FIND_STRANDED = statement(
  'find_stranded',
  `SELECT d.id ${STRANDED}
    ORDER BY d.id
    LIMIT $2`,
);

/**
 * Those of them that still are, locked; those that another reconciler has are left to it.
 *
 * $1 float8: milliseconds that an intent must have; $2 uuid[]: ids.
 * EXPLAIN: Nested Loops over Index Scans on deliveries_pkey, reviews_pkey and work_items_pkey.
 */
export const LOCK_STRANDED = statement(
  'lock_stranded',
  `SELECT d.id, d.source, d.channel, d.address, d.sent_via, d.job_id, d.generation, d.intent_token, d.payload_hash,
      d.intent_at AS first_failure_at, clock_timestamp() AS last_failure_at, w.id IS NOT NULL AS has_item,
      (extract(epoch FROM clock_timestamp() - coalesce(d.first_attempt_at, d.waits_since, d.created_at)) * 1000)::float8
        AS waits_ms,
      r.priority, r.correlation_id, r.traceparent
    ${STRANDED} AND d.id = ANY ($2::uuid[])
    ORDER BY d.id
    FOR UPDATE OF d SKIP LOCKED`,
);

/** The new item of a requeued delivery: without it the next look would requeue it again. $1 uuid[] ids, $2 uuid[] items. */
export const NAME_ITEMS = statement(
  'name_items',
  `UPDATE deliveries AS d SET intent_item_id = u.item_id
    FROM unnest($1::uuid[], $2::uuid[]) AS u(id, item_id) WHERE d.id = u.id AND d.intent_at IS NOT NULL`,
);
