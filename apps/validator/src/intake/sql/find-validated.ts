import { statement } from '@assay/postgres';

/**
 * Which of these submissions have a stored result.
 * $1 job ids, $2 generations.
 * EXPLAIN: Nested Loop over Function Scan with Index Only Scan on validations_pkey.
 */
export const FIND_VALIDATED = statement(
  'find_validated',
  `SELECT v.job_id, v.generation
    FROM unnest($1::uuid[], $2::int[]) AS u(job_id, generation)
    JOIN validations v USING (job_id, generation)`,
);
