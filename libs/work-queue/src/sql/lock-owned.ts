import { statement } from '@assay/postgres';
import { OWNED } from './guarded.js';

/** Locks the items that are still owned for the rest of the transaction; those that do not come back are lost. */
export const LOCK_OWNED = statement(
  'work_items.lock_owned',
  `SELECT id, clock_timestamp() AS locked_at FROM (${OWNED}) AS mine`,
);
