import { statement } from '@assay/postgres';

/**
 * Stores results; one that is there already stays as it is (GEN-2). One `bytea` holds all bodies (see `packBodies`): per
 * row the event, the diagnostics and, with a length above 0, the dead letter.
 *
 * $1 packed bodies; $2 json: the rows, with the places of their bodies.
 * EXPLAIN: Insert with conflict arbiter validations_pkey over Sort over Function Scan on json_to_recordset.
 */
export const INSERT_VALIDATIONS = statement(
  'insert_validations',
  `INSERT INTO validations (job_id, generation, source, changelist_id, review_version, revision, outcome,
      rejection_class, rejection_code, read_as, schema_verdict, prompt_verdict, allow_list_submitted_under,
      allow_list_judged_by, correlation_id, traceparent, validated_at, event, diagnostics, dead_letter)
    SELECT u.job_id, u.generation, u.source, u.changelist_id, u.review_version, u.revision, u.outcome,
      u.rejection_class, u.rejection_code, u.read_as, u.schema_verdict, u.prompt_verdict, u.submitted_under,
      u.judged_by, u.correlation_id, u.traceparent, u.validated_at,
      substring($1::bytea FROM u.event_from FOR u.event_for),
      substring($1::bytea FROM u.diagnostics_from FOR u.diagnostics_for),
      CASE WHEN u.dead_for > 0 THEN substring($1::bytea FROM u.dead_from FOR u.dead_for) END
    FROM json_to_recordset($2::json) AS u(job_id uuid, generation int, source text, changelist_id text,
      review_version int, revision int, outcome text, rejection_class text, rejection_code text, read_as text,
      schema_verdict text, prompt_verdict text, submitted_under text, judged_by text, correlation_id text,
      traceparent text, validated_at timestamptz, event_from int, event_for int, diagnostics_from int,
      diagnostics_for int, dead_from int, dead_for int)
    ORDER BY u.job_id, u.generation
    ON CONFLICT DO NOTHING
  RETURNING job_id, generation`,
);
