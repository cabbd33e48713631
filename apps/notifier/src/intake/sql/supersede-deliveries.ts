import { statement } from '@assay/postgres';

/**
 * ING-6: deliveries of older versions that are waiting or have failed end as superseded; `sending` and `unknown` run
 * their course.
 *
 * $1 json: [{source, changelist_id, newest}]; $2 actor. Returns each with the state that it had.
 * EXPLAIN: Nested Loop, Index Scan on deliveries_identity.
 */
export const SUPERSEDE_DELIVERIES = statement(
  'supersede_deliveries',
  `WITH old AS MATERIALIZED (
    SELECT d.id, d.state AS from_state
      FROM json_to_recordset($1::json) AS u(source text, changelist_id text, newest int)
      JOIN deliveries AS d ON d.source = u.source AND d.changelist_id = u.changelist_id AND d.review_version < u.newest
        AND d.state IN ('pending', 'retry_scheduled', 'failed_permanent')
      ORDER BY d.id
      FOR UPDATE OF d
  ), history AS (
    INSERT INTO delivery_history (delivery_id, from_state, to_state, actor, cause)
    SELECT id, from_state, 'superseded', $2, 'superseded_by_newer_version' FROM old
  )
  UPDATE deliveries AS d SET state = 'superseded', updated_at = clock_timestamp()
    FROM old AS o WHERE d.id = o.id
    RETURNING d.id, d.job_id, d.generation, d.channel, d.state, o.from_state, d.notification_id, d.notified_at,
      d.payload_hash, d.original_ids, d.dead_lettered, d.repeat`,
);
