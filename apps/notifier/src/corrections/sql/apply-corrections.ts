import { statement } from '@assay/postgres';

/**
 * Moves locked deliveries to their new parent and, where an operator's action says so, to a new state, with a line of
 * history each. A row that is tried again waits from now on, whenever it was made.
 *
 * $1 json: [{id, from_state, state, cause, clears_doubt, replaced_by, original_ids}]; $2 job, $3 generation; $4 actor;
 * $5 the reason of a waiver.
 * EXPLAIN: Nested Loop over a Function Scan, Index Scan on deliveries_pkey.
 */
export const APPLY_CORRECTIONS = statement(
  'apply_corrections',
  `WITH wanted AS (
    SELECT * FROM json_to_recordset($1::json) AS u(id uuid, from_state text, state text, cause text,
      clears_doubt boolean, replaced_by uuid, original_ids uuid[])
  ), history AS (
    INSERT INTO delivery_history (delivery_id, from_state, to_state, actor, cause)
    SELECT id, from_state, state, $4, cause FROM wanted WHERE cause IS NOT NULL
  )
  UPDATE deliveries AS d
    SET job_id = $2, generation = $3, state = u.state, replaced_by = u.replaced_by, original_ids = u.original_ids,
      maybe_sent_at = CASE WHEN u.clears_doubt THEN NULL ELSE d.maybe_sent_at END,
      waived_for = CASE WHEN u.state <> 'waived' THEN NULL WHEN u.cause = 'waived' THEN $5 ELSE d.waived_for END,
      waits_since = CASE WHEN u.state = 'pending' AND u.from_state <> 'pending' THEN clock_timestamp()
        ELSE d.waits_since END,
      first_attempt_at = CASE WHEN u.state = 'pending' AND u.from_state <> 'pending' THEN NULL ELSE d.first_attempt_at END,
      updated_at = clock_timestamp()
    FROM wanted AS u WHERE d.id = u.id`,
);

/**
 * The delivery to a corrected recipient.
 *
 * $1 id, $2 the delivery that it replaces, $3 channel, $4 address, $5 original ids uuid[], $6 job, $7 generation,
 * $8 actor, $9 its key.
 */
export const REPLACE_DELIVERY = statement(
  'replace_delivery',
  `INSERT INTO deliveries (id, source, changelist_id, review_version, channel, address, key, job_id, generation, state,
      born, born_by, original_ids, dead_lettered)
  SELECT $1, source, changelist_id, review_version, $3, $4, decode($9, 'hex'), $6, $7, 'pending', 'pending', $8, $5, true
    FROM deliveries WHERE id = $2`,
);
