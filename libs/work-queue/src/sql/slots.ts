import { statement } from '@assay/postgres';
import { PLACE } from './guarded.js';

/** $1 queue, $2 how many there are to be at least */
export const MAKE_SLOTS = statement(
  'work_slots.make',
  `INSERT INTO work_slots (queue, slot) SELECT $1, n FROM generate_series(1, $2::int) AS n ON CONFLICT DO NOTHING`,
);

/**
 * Locks slots that nobody holds, or whose holder's lease has ended, for the rest of the transaction. A lock makes
 * Postgres look at the newest version of a row: a slot that was taken or renewed meanwhile falls out.
 *
 * $1 queue, $2 how many slots there are (of a larger number set earlier, the rest lie idle), $3 limit
 */
export const LOCK_SLOTS = statement(
  'work_slots.lock',
  `SELECT slot FROM work_slots
  WHERE queue = $1 AND slot <= $2 AND expires_at < (SELECT clock_timestamp())
  ORDER BY slot
  LIMIT $3
  FOR UPDATE SKIP LOCKED`,
);

/**
 * Gives each item that was just claimed one of the slots that the transaction has locked, until the item's own lease
 * ends: to the microsecond the same, or there were more items than slots for as long as they differ.
 *
 * $1 ids in ascending order, $2 a slot for each, $3 queue
 */
export const BIND_SLOTS = statement(
  'work_slots.bind',
  `WITH bound AS (
    UPDATE work_items AS w SET slot = ($2::int[])[${PLACE}]
    WHERE w.id = ANY ($1::uuid[])
    RETURNING w.slot, w.lease_token, w.lease_expires_at
  )
  UPDATE work_slots AS s SET lease_token = bound.lease_token, expires_at = bound.lease_expires_at
  FROM bound WHERE s.queue = $3 AND s.slot = bound.slot`,
);
