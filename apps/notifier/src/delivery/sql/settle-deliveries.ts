import { statement } from '@assay/postgres';

/**
 * The one write that ends an attempt, a batch at once: evidence and state together (DEL-3), or the failure, with its
 * line of history. Runs inside the transaction that holds the items' lock under owner and token (GEN-3); the intent's
 * token is the second guard.
 *
 * $1 json: [{id, intent_token, to_state, cause, outcome, notification_id, error_class, error_code, answer,
 * next_attempt_at, compact_bytes, withheld, evidence_in_ms}]; $2 actor.
 * - `outcome`: `sent`, `not_sent` (closes the intent), `ambiguous` (remembers it), `none` (no send took place now).
 * - `to_state` `failed_permanent` becomes `unknown` where an outcome is not known, unless the recipient was refused
 *   for ever.
 *
 * - `to_state` `waived` is of a cancelled job, whose reason it takes (ING-13), or of one that is below its recipient's
 *   threshold, and then its cause is the reason (DEL-16).
 * - `compact_bytes`: the whole form was refused for its size; the next intent freezes a compact one (DEL-3).
 *
 * Returns per row that was still open: its parent, its state before and now.
 * EXPLAIN: Nested Loops over a Function Scan, Index Scans on deliveries_pkey; of waived rows one on cancellations_pkey.
 */
export const SETTLE_DELIVERIES = statement(
  'settle_deliveries',
  `WITH wanted AS (
    SELECT * FROM json_to_recordset($1::json) AS u(id uuid, intent_token uuid, to_state text, cause text, outcome text,
      notification_id text, error_class text, error_code text, answer json, next_attempt_at timestamptz,
      compact_bytes int, withheld int, evidence_in_ms float8)
  ), open AS MATERIALIZED (
    SELECT d.id, d.state AS from_state, d.intent_from, d.intent_at, d.intent_owner, u.cause, u.error_class, u.error_code,
        u.outcome, u.notification_id, u.answer, u.next_attempt_at, u.compact_bytes, u.withheld,
        u.evidence_in_ms,
        CASE WHEN u.outcome = 'ambiguous' OR (u.outcome = 'none' AND d.intent_at IS NOT NULL) THEN d.intent_at
          ELSE d.maybe_sent_at END AS maybe_sent_at,
        u.to_state
      FROM wanted AS u JOIN deliveries AS d ON d.id = u.id
      WHERE d.state IN ('pending', 'sending', 'retry_scheduled') AND d.notified_at IS NULL
        AND d.intent_token IS NOT DISTINCT FROM u.intent_token
      ORDER BY d.id
      FOR UPDATE OF d
  ), judged AS (
    SELECT open.*, CASE WHEN to_state = 'failed_permanent' AND cause <> 'refused_for_ever'
        AND maybe_sent_at IS NOT NULL THEN 'unknown' ELSE to_state END AS new_state
      FROM open
  ), history AS (
    INSERT INTO delivery_history (delivery_id, from_state, intent_at, intent_owner, to_state, actor, cause, error_code)
    SELECT id, coalesce(intent_from, from_state), intent_at, intent_owner, new_state, $2,
        cause, error_code
      FROM judged
  )
  UPDATE deliveries AS d
    SET state = j.new_state, intent_at = NULL, intent_owner = NULL, intent_token = NULL, intent_item_id = NULL,
      intent_from = NULL,
      maybe_sent_at = CASE j.outcome WHEN 'sent' THEN NULL ELSE j.maybe_sent_at END,
      compact_bytes = coalesce(j.compact_bytes, d.compact_bytes), withheld = coalesce(j.withheld, d.withheld),
      frozen_job_id = CASE WHEN j.compact_bytes IS NULL THEN d.frozen_job_id END,
      frozen_generation = CASE WHEN j.compact_bytes IS NULL THEN d.frozen_generation END,
      render_version = CASE WHEN j.compact_bytes IS NULL THEN d.render_version END,
      payload_hash = CASE WHEN j.compact_bytes IS NULL THEN d.payload_hash END,
      notification_id = j.notification_id,
      notified_at = CASE j.new_state WHEN 'sent' THEN clock_timestamp() END,
      waived_for = CASE WHEN j.new_state <> 'waived' THEN NULL WHEN j.cause <> 'cancelled' THEN j.cause
        ELSE (SELECT c.reason FROM cancellations AS c WHERE c.job_id = d.job_id AND c.generation = d.generation) END,
      error_class = j.error_class, error_code = j.error_code, answer = coalesce(j.answer, d.answer),
      next_attempt_at = j.next_attempt_at,
      evidence_due_at = clock_timestamp() + j.evidence_in_ms * interval '1 millisecond',
      dead_lettered = d.dead_lettered OR j.new_state IN ('failed_permanent', 'unknown'), updated_at = clock_timestamp()
    FROM judged AS j WHERE d.id = j.id
    RETURNING d.id, d.job_id, d.generation, d.channel, d.state, d.notification_id, d.notified_at, d.payload_hash,
      d.original_ids, d.dead_lettered, d.repeat, d.withheld, j.from_state`,
);
