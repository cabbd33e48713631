import { statement } from '@assay/postgres';

/**
 * Closes intents whose send did not take place, or was answered by a definite "not sent", without a settlement: the row
 * waits again, no attempt spent. `maybe` keeps the memory of an outcome that is not known (a probe that was cut off);
 * `failed` says that a send took place, such as a probe's.
 *
 * $1 json: [{id, token, maybe, failed, code, answer}]; $2 actor. Returns the ids that were still in this attempt.
 */
export const WITHDRAW_INTENTS = statement(
  'withdraw_intents',
  `WITH wanted AS (
    SELECT * FROM json_to_recordset($1::json) AS u(id uuid, token uuid, maybe boolean, failed boolean, code text,
      answer json)
  ), mine AS MATERIALIZED (
    SELECT d.id, d.intent_from, d.intent_at, d.intent_owner, u.maybe, u.code, u.answer,
        CASE WHEN u.failed THEN 'retry_scheduled' ELSE 'pending' END AS new_state,
        CASE WHEN u.failed THEN 'attempt_failed' ELSE 'not_sent' END AS cause
      FROM wanted AS u JOIN deliveries AS d ON d.id = u.id AND d.intent_token = u.token
      ORDER BY d.id FOR UPDATE OF d
  ), history AS (
    INSERT INTO delivery_history (delivery_id, from_state, intent_at, intent_owner, to_state, actor, cause, error_code)
    SELECT id, intent_from, intent_at, intent_owner, new_state, $2, cause, code FROM mine
  )
  UPDATE deliveries AS d
    SET state = m.new_state, maybe_sent_at = CASE WHEN m.maybe THEN m.intent_at ELSE d.maybe_sent_at END,
      intent_at = NULL, intent_owner = NULL, intent_token = NULL, intent_item_id = NULL, intent_from = NULL,
      error_code = m.code, answer = coalesce(m.answer, d.answer), next_attempt_at = NULL, updated_at = clock_timestamp()
    FROM mine AS m WHERE d.id = m.id
    RETURNING d.id`,
);
