import { statement } from '@assay/postgres';

/**
 * Stored results as they are published.
 * $1 job ids, $2 generations.
 * EXPLAIN: Nested Loop over Function Scan with Index Scan on validations_pkey.
 */
export const LOAD_VALIDATIONS = statement(
  'load_validations',
  `SELECT v.job_id, v.generation, v.source, v.changelist_id, v.revision, v.correlation_id, v.traceparent,
      v.validated_at, v.event, v.dead_letter
    FROM unnest($1::uuid[], $2::int[]) AS u(job_id, generation)
    JOIN validations v USING (job_id, generation)`,
);

/**
 * How many bytes those are, without reading them.
 * $1 job ids, $2 generations.
 * EXPLAIN: Nested Loop over Function Scan with Index Scan on validations_pkey.
 */
export const SIZE_VALIDATIONS = statement(
  'size_validations',
  `SELECT v.job_id, v.generation, octet_length(v.event) + coalesce(octet_length(v.dead_letter), 0) AS bytes
    FROM unnest($1::uuid[], $2::int[]) AS u(job_id, generation)
    JOIN validations v USING (job_id, generation)`,
);
