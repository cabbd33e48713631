import { statement } from '@assay/postgres';
import { PLACE } from './guarded.js';

/**
 * An owner that comes back after its lease was taken proves that it did not crash (WQ-4): the crash is taken off again.
 * Only while nobody else has claimed the item: a claim clears `expired_token`. By id and without a join, as every guard.
 *
 * $1 ids in ascending order, $2 tokens
 */
export const FORGIVE = statement(
  'work_items.forgive',
  `WITH late AS MATERIALIZED (
    SELECT w.id FROM work_items AS w
    WHERE w.id = ANY ($1::uuid[]) AND w.expired_token = ($2::uuid[])[${PLACE}]
    ORDER BY w.id
    FOR UPDATE OF w
  )
  UPDATE work_items AS w
  SET crashes = greatest(w.crashes - 1, 0), expired_token = NULL
  WHERE w.id = ANY (ARRAY(SELECT id FROM late))
  RETURNING w.id`,
);
