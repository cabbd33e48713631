import { statement } from '@assay/postgres';

/**
 * Deliveries with the review that they are rendered from: the one that the first intent froze, else their parent's. Of its
 * body the length alone, which stands beside the reference to it (WQ-11).
 *
 * $1 uuid[]: ids.
 * EXPLAIN: Nested Loop, Index Scans on deliveries_pkey and reviews_pkey; an Index Only Scan on reviews_of_changelist.
 */
export const LOAD_DELIVERIES = statement(
  'load_deliveries',
  `SELECT d.id, d.source, d.changelist_id, d.review_version, d.channel, d.address, encode(d.key, 'hex') AS key,
      d.job_id, d.generation, d.state, d.intent_token, d.notification_id, d.notified_at, d.frozen_job_id,
      d.frozen_generation, d.render_version, d.payload_hash, d.compact_bytes, d.filter,
      (extract(epoch FROM clock_timestamp() - coalesce(d.intent_at, d.maybe_sent_at)) * 1000)::float8
        AS open_intent_age_ms,
      (extract(epoch FROM clock_timestamp() - coalesce(d.maybe_sent_at, d.intent_at)) * 1000)::float8 AS doubt_age_ms,
      CASE WHEN d.intent_at IS NOT NULL OR d.maybe_sent_at IS NOT NULL THEN d.sent_via END AS sent_via,
      d.first_attempt_at,
      (extract(epoch FROM clock_timestamp() - coalesce(d.first_attempt_at, d.waits_since, d.created_at))
        * 1000)::float8 AS waits_ms,
      EXISTS (SELECT FROM reviews AS n WHERE n.source = d.source AND n.changelist_id = d.changelist_id
        AND n.review_version > d.review_version) AS newer_version_known,
      EXISTS (SELECT FROM cancellations AS c WHERE c.job_id = d.job_id AND c.generation = d.generation) AS cancelled,
      r.job_id AS review_job_id, r.generation AS review_generation, octet_length(r.validated) AS review_bytes
    FROM deliveries AS d
    JOIN reviews AS r ON r.job_id = coalesce(d.frozen_job_id, d.job_id)
      AND r.generation = coalesce(d.frozen_generation, d.generation)
    WHERE d.id = ANY ($1::uuid[])`,
);

/** $1 uuid[], $2 int[]: (job, generation). Read once for all deliveries of a review. */
export const LOAD_REVIEWS = statement(
  'load_reviews',
  `SELECT r.job_id, r.generation, r.validated, r.job_url, r.findings_url
    FROM unnest($1::uuid[], $2::int[]) AS u(job_id, generation)
    JOIN reviews AS r USING (job_id, generation)`,
);
