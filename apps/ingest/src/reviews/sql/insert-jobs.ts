import { statement } from '@assay/postgres';

/**
 * Jobs and their raw bodies, a batch at once. Small columns travel as one JSON text, which pg need not escape; bodies as
 * one packed parameter (`packBodies`).
 *
 * $1 bytea: the bodies; $2 uuid[], $3 int[], $4 int[]: whose, offset, length; $5 json: the jobs.
 * EXPLAIN: two Inserts over Function Scans.
 */
export const INSERT_JOBS = statement(
  'insert_jobs',
  `WITH bodies AS (
    INSERT INTO submissions (artefact_id, codec, bytes)
    SELECT u.id, 'plain', substring($1::bytea FROM u.o FOR u.l)
      FROM unnest($2::uuid[], $3::int[], $4::int[]) AS u(id, o, l)
  )
  INSERT INTO jobs (id, source, idempotency_key, body_digest, body_bytes, changelist_id, review_version, rerun, priority,
      recipients, allow_list_hash, submitted_by, correlation_id, traceparent)
  SELECT j.id, j.source, j.idempotency_key, decode(j.body_digest, 'hex'), j.body_bytes, j.changelist_id,
      j.review_version, j.rerun, j.priority, j.recipients, j.allow_list_hash, j.submitted_by, j.correlation_id,
      j.traceparent
    FROM json_to_recordset($5::json) AS j(id uuid, source text, idempotency_key text, body_digest text, body_bytes int,
      changelist_id text, review_version int, rerun boolean, priority smallint, recipients json, allow_list_hash text,
      submitted_by text, correlation_id text, traceparent text)
  RETURNING id, accepted_at`,
);
