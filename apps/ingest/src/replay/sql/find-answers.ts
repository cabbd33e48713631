import { statement } from '@assay/postgres';

/**
 * The answers that requests got when they came before, and the time of the database. To be asked after the locks.
 *
 * $1: uuid[], the items. One row for each.
 * EXPLAIN: a Nested Loop Left Join of the array with an Index Scan on replays_pkey.
 */
export const FIND_ANSWERS = statement(
  'find_answers',
  `SELECT u.item_id, r.answer, clock_timestamp() AS now
    FROM unnest($1::uuid[]) AS u(item_id) LEFT JOIN replays r USING (item_id)`,
);

export interface AnswerRow {
  item_id: string;
  answer: Buffer | null;
  now: string;
}
