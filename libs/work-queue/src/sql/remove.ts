import { statement } from '@assay/postgres';
import { HELD, MINE, THOSE } from './guarded.js';

/** Deletes items that have ended with nothing to tell. $1 ids in ascending order, $2 tokens, $3 owner */
export const REMOVE = statement(
  'work_items.remove',
  `WITH ${MINE} DELETE FROM work_items AS w WHERE ${THOSE} RETURNING w.id`,
);

/**
 * The same, of items that the transaction has locked already (`LOCK_OWNED`, in id order): there is no
 * need to lock them once more. $1 ids in ascending order, $2 tokens, $3 owner
 */
export const REMOVE_LOCKED = statement('work_items.remove_locked', `DELETE FROM work_items AS w WHERE ${HELD}`);

/**
 * Deletes items whose events Kafka has acknowledged. Deleted and not marked: a marked row would slow every claim after
 * it until the vacuum comes. On its own and without waiting for the disk: a delete that is lost costs a duplicate event,
 * which consumers ignore. `SET LOCAL` would need a transaction of four statements.
 *
 * $1 ids in ascending order, $2 tokens, $3 owner
 */
export const REMOVE_ACKNOWLEDGED = statement(
  'work_items.remove_acknowledged',
  `WITH unhurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), ${MINE}
  DELETE FROM work_items AS w USING unhurried WHERE ${THOSE}`,
);
