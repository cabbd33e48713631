import { statement } from '@assay/postgres';
import { MINE, PLACE, THOSE } from './guarded.js';
import { marksOf } from './lanes.js';

const ADDED = `($5::int[])[${PLACE}]`;

/**
 * `running → queued` by the owner: a failed attempt that is due again later, a parked item, or an item released at
 * shutdown or while Kafka is away. Only a failed attempt is counted.
 *
 * $1 ids in ascending order, $2 tokens, $3 owner, $4 due in ms, $5 attempts to add (0 or 1), $6 overdue in ms (null: as
 * it was)
 */
export const PUT_BACK = statement(
  'work_items.put_back',
  `WITH ${MINE}, back AS (
    UPDATE work_items AS w
    SET state = 'queued', claimed_by = NULL, lease_token = NULL, lease_expires_at = NULL,
      due_at = clock_timestamp() + make_interval(secs => ($4::float8[])[${PLACE}] / 1000),
      overdue_at = coalesce(clock_timestamp() + make_interval(secs => ($6::float8[])[${PLACE}] / 1000), w.overdue_at),
      attempts = w.attempts + ${ADDED},
      crashes = CASE WHEN ${ADDED} > 0 THEN 0 ELSE w.crashes END,
      first_failure_at = CASE WHEN ${ADDED} > 0 THEN coalesce(w.first_failure_at, clock_timestamp())
        ELSE w.first_failure_at END
    WHERE ${THOSE}
    RETURNING w.id, w.queue, w.lane, w.phase, w.due_at
  ), ${marksOf('back')}
  SELECT id, due_at FROM back`,
);
