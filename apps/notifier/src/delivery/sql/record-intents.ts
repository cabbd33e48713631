import { statement } from '@assay/postgres';

/**
 * DEL-3's re-read and intent in one statement, a batch at once: a row comes back only if, at this moment, its item is
 * owned under this token and unexpired, nothing says that it was sent, and no other intent is open (`again` allows one:
 * policy `resend`). The first intent freezes job, generation, render version and payload hash; a later one with another
 * hash matches nothing. The same token may come twice: a commit whose answer was lost is simply sent again.
 *
 * $1 json: [{id, item_id, token, again, job_id, generation, render_version, payload_hash, provider, compact_bytes, filter,
 * withheld}]; $2 owner.
 * Returns the rows whose intent stands, each with the time of its generation's first attempt (DEL-8).
 * EXPLAIN: Nested Loops over a Function Scan, Index Scans on deliveries_pkey and, through a LATERAL, work_items_pkey: a
 * plan made while that table is empty joined it from its side, all rows with all intents. For the same reason `mine` takes
 * along what is wanted: joined with it again, a batch costs its square. Of 1,000 items, planned while there was none:
 * 20 intents 3.5 ms before and 0.5 ms so, 500 intents 106 and 11 ms.
 */
export const RECORD_INTENTS = statement(
  'record_intents',
  `WITH mine AS MATERIALIZED (
    SELECT u.*, d.state AS from_state, d.intent_at AS old_intent_at, d.intent_owner AS old_intent_owner,
        d.intent_from AS old_intent_from, d.intent_token AS old_token
      FROM json_to_recordset($1::json) AS u(id uuid, item_id uuid, token uuid, again boolean, job_id uuid,
        generation int, render_version int, payload_hash text, provider text,
        compact_bytes int, filter json, withheld int)
      CROSS JOIN LATERAL (
        SELECT FROM work_items AS w
        WHERE w.id = u.item_id AND w.phase = 'work' AND w.claimed_by = $2 AND w.lease_token = u.token
          AND w.lease_expires_at > clock_timestamp()
        LIMIT 1
      ) AS held
      JOIN deliveries AS d ON d.id = u.id
      WHERE d.state IN ('pending', 'retry_scheduled', 'sending') AND d.notified_at IS NULL
        AND (u.again OR d.intent_token = u.token
          OR (d.intent_at IS NULL AND d.maybe_sent_at IS NULL AND d.notification_id IS NULL))
        AND (d.payload_hash IS NULL OR d.payload_hash = u.payload_hash)
      ORDER BY d.id
      FOR UPDATE OF d
  ), taken_over AS (
    INSERT INTO delivery_history (delivery_id, from_state, intent_at, intent_owner, to_state, actor, cause)
    SELECT id, old_intent_from, old_intent_at, old_intent_owner, 'sending', $2, 'intent_recorded'
      FROM mine WHERE from_state = 'sending' AND old_token <> token
  )
  UPDATE deliveries AS d
    SET state = 'sending', intent_at = clock_timestamp(), intent_owner = $2, intent_token = m.token,
      intent_item_id = m.item_id,
      intent_from = CASE WHEN d.intent_token = m.token THEN d.intent_from ELSE d.state END,
      maybe_sent_at = coalesce(d.maybe_sent_at,
        CASE WHEN m.from_state = 'sending' AND m.old_token <> m.token THEN m.old_intent_at END),
      sent_via = m.provider, compact_bytes = m.compact_bytes, filter = m.filter, withheld = m.withheld,
      frozen_job_id = coalesce(d.frozen_job_id, m.job_id),
      frozen_generation = coalesce(d.frozen_generation, m.generation),
      render_version = coalesce(d.render_version, m.render_version),
      payload_hash = coalesce(d.payload_hash, m.payload_hash),
      first_attempt_at = coalesce(d.first_attempt_at, clock_timestamp()), updated_at = clock_timestamp()
    FROM mine AS m
    WHERE d.id = m.id
    RETURNING d.id, d.first_attempt_at`,
);
