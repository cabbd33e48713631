import { statement } from '@assay/postgres';
import { MINE } from './guarded.js';

/**
 * `running → queued` by the owner: a failed attempt that is due again later, a parked item, or an item released at
 * shutdown or while Kafka is away. Only a failed attempt is counted.
 *
 * $1 ids, $2 tokens, $3 owner, $4 due in ms, $5 attempts to add (0 or 1)
 */
export const PUT_BACK = statement(
  'work_items.put_back',
  `WITH ${MINE}
  UPDATE work_items AS w
  SET state = 'queued', claimed_by = NULL, lease_token = NULL, lease_expires_at = NULL,
    due_at = clock_timestamp() + make_interval(secs => u.due_in_ms / 1000),
    attempts = w.attempts + u.add_attempts,
    crashes = CASE WHEN u.add_attempts > 0 THEN 0 ELSE w.crashes END,
    first_failure_at = CASE WHEN u.add_attempts > 0 THEN coalesce(w.first_failure_at, clock_timestamp())
      ELSE w.first_failure_at END
  FROM mine JOIN unnest($4::float8[], $5::int[]) WITH ORDINALITY AS u(due_in_ms, add_attempts, place) USING (place)
  WHERE w.id = mine.id
  RETURNING w.id, w.due_at`,
);
