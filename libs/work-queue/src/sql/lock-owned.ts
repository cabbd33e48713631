import { statement } from '@assay/postgres';
import { owned } from './guarded.js';

/**
 * Locks the items that are still owned for the rest of the transaction; those that do not come back are lost. One in
 * phase `publish` has had its effect (WQ-10): the events that it holds, if it holds them itself, come with it.
 */
export const LOCK_OWNED = statement(
  'work_items.lock_owned',
  owned("w.id, w.phase, CASE WHEN w.phase = 'publish' THEN w.payload END AS events"),
);
