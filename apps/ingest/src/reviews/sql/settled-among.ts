import { statement } from '@assay/postgres';

/**
 * Which of the jobs that callers wait for have ended: one look for all of them, every 50 ms while anybody waits.
 *
 * $1: uuid[].
 * EXPLAIN at 10,000 jobs: a Bitmap Heap Scan by jobs_pkey, filtered.
 */
export const SETTLED_AMONG = statement(
  'settled_among',
  `SELECT id FROM jobs WHERE id = ANY($1::uuid[]) AND settled_at IS NOT NULL`,
);
