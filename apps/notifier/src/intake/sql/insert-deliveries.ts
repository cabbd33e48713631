import { statement } from '@assay/postgres';

/**
 * $1 json: [{id, source, changelist_id, review_version, channel, address, key, job_id, generation, state}]. Returns the ids
 * that are new; the others stand already, made by an earlier job of the same version (DEL-1).
 * EXPLAIN: Insert over a Function Scan.
 */
export const INSERT_DELIVERIES = statement(
  'insert_deliveries',
  `INSERT INTO deliveries (id, source, changelist_id, review_version, channel, address, key, job_id, generation, state,
      born)
  SELECT u.id, u.source, u.changelist_id, u.review_version, u.channel, u.address, decode(u.key, 'hex'), u.job_id,
      u.generation, u.state, u.state
    FROM json_to_recordset($1::json) AS u(id uuid, source text, changelist_id text, review_version int, channel text,
      address text, key text, job_id uuid, generation int, state text)
    ORDER BY u.source, u.changelist_id, u.review_version, u.channel, u.address
  ON CONFLICT ON CONSTRAINT deliveries_identity DO NOTHING
  RETURNING id`,
);

/**
 * Gives rows of an earlier job to a later job of the same version (ING-4, DEL-15): what was sent stays sent, what is
 * not known stays unknown, what failed is tried again when `revive` says so. What a recipient's row was replaced by goes
 * along (DEL-10): `followed` marks it, unless it is a recipient's of the review itself.
 *
 * $1 json: as above with `revive`; $2 actor. Returns each row with the parent and the state that it had.
 */
export const ADOPT_DELIVERIES = statement(
  'adopt_deliveries',
  `WITH wanted AS (
    SELECT * FROM json_to_recordset($1::json) AS u(source text, changelist_id text, review_version int, channel text,
      address text, job_id uuid, generation int, revive boolean)
  ), standing AS MATERIALIZED (
    SELECT d.id, d.state, u.source, u.changelist_id, u.review_version, u.job_id, u.generation, u.revive
      FROM wanted AS u JOIN deliveries AS d USING (source, changelist_id, review_version, channel, address)
      WHERE d.repeat = 0
  ), concerned AS (
    SELECT DISTINCT ON (id) * FROM (
      SELECT id, job_id, generation, revive, false AS followed FROM standing
      UNION ALL
      SELECT r.id, s.job_id, s.generation, s.revive, true
        FROM standing AS s JOIN deliveries AS r USING (source, changelist_id, review_version)
        WHERE s.state = 'replaced' AND s.id = ANY (r.original_ids)
    ) AS each ORDER BY id, followed
  ), old AS MATERIALIZED (
    SELECT d.id, d.state AS from_state, d.job_id AS from_job_id, d.generation AS from_generation, u.job_id, u.generation,
        u.followed, CASE WHEN u.revive AND d.state = 'failed_permanent' THEN 'pending' ELSE d.state END AS to_state
      FROM concerned AS u JOIN deliveries AS d ON d.id = u.id
      ORDER BY d.id
      FOR UPDATE OF d
  ), history AS (
    INSERT INTO delivery_history (delivery_id, from_state, to_state, actor, cause)
    SELECT id, from_state, to_state, $2, 'new_job_for_the_same_version' FROM old WHERE to_state <> from_state
  )
  UPDATE deliveries AS d
    SET job_id = o.job_id, generation = o.generation, state = o.to_state,
      waits_since = CASE WHEN o.to_state <> o.from_state THEN clock_timestamp() ELSE d.waits_since END,
      first_attempt_at = CASE WHEN o.to_state <> o.from_state THEN NULL ELSE d.first_attempt_at END,
      updated_at = clock_timestamp()
    FROM old AS o WHERE d.id = o.id
    RETURNING d.id, d.channel, d.address, d.state, o.from_state, o.from_job_id, o.from_generation, d.job_id,
      d.generation, o.followed`,
);
