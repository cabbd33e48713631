import { statement } from '@assay/postgres';
import { MINE } from './guarded.js';

/**
 * Deletes items whose events Kafka has acknowledged. Deleted and not marked: a marked row would slow every claim after
 * it until the vacuum comes.
 *
 * $1 ids, $2 tokens, $3 owner
 */
export const REMOVE = statement(
  'work_items.remove',
  `WITH ${MINE} DELETE FROM work_items AS w USING mine WHERE w.id = mine.id RETURNING w.id`,
);
