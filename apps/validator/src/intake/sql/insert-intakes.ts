import { statement } from '@assay/postgres';

/**
 * The inbox: which submissions of a batch are new, in the order of their ids, so that two batches never lock crosswise.
 * $1 job ids, $2 generations, $3 sources.
 * EXPLAIN: Insert with conflict arbiter intakes_pkey over Sort over Function Scan.
 */
export const INSERT_INTAKES = statement(
  'insert_intakes',
  `INSERT INTO intakes (job_id, generation, source)
    SELECT u.job_id, u.generation, u.source
      FROM unnest($1::uuid[], $2::int[], $3::text[]) AS u(job_id, generation, source)
      ORDER BY u.job_id, u.generation
    ON CONFLICT DO NOTHING
  RETURNING job_id, generation, clock_timestamp() AS noted_at`,
);
