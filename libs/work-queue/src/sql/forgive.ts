import { statement } from '@assay/postgres';

/**
 * An owner that comes back after its lease was taken proves that it did not crash (WQ-4): the crash is taken off again.
 * Only while nobody else has claimed the item: a claim clears `expired_token`.
 *
 * $1 ids, $2 tokens
 */
export const FORGIVE = statement(
  'work_items.forgive',
  `WITH late AS MATERIALIZED (
    SELECT w.id FROM unnest($1::uuid[], $2::uuid[]) AS u(id, token)
    JOIN work_items AS w ON w.id = u.id AND w.expired_token = u.token
    ORDER BY w.id
    FOR UPDATE OF w
  )
  UPDATE work_items AS w
  SET crashes = greatest(w.crashes - 1, 0), expired_token = NULL
  FROM late
  WHERE w.id = late.id
  RETURNING w.id`,
);
