import { statement } from '@assay/postgres';

/**
 * The parent of a generation that starts at `notify`: the one before it, with what messages are rendered from, and
 * nothing counted yet. (job, generation) is the inbox key. None where a later generation is known already (GEN-9), nor
 * where the job was never judged.
 *
 * $1 job, $2 generation, $3 source. Returns the parent if it is new, with the recipients' source.
 * EXPLAIN: Insert over Limit over an Index Scan Backward on reviews_pkey.
 */
export const BEGIN_GENERATION = statement(
  'begin_generation',
  `INSERT INTO reviews (job_id, generation, source, changelist_id, review_version, priority, open, correlation_id,
      traceparent, job_url, findings_url, validated)
  SELECT p.job_id, $2, p.source, p.changelist_id, p.review_version, p.priority, 0, p.correlation_id, p.traceparent,
      p.job_url, p.findings_url, p.validated
    FROM reviews AS p
    WHERE p.job_id = $1 AND p.source = $3
      AND NOT EXISTS (SELECT FROM reviews AS l WHERE l.job_id = $1 AND l.generation > $2)
    ORDER BY p.generation DESC LIMIT 1
  ON CONFLICT DO NOTHING
  RETURNING job_id, generation, source, changelist_id, review_version`,
);

export interface BegunParent {
  job_id: string;
  generation: number;
  source: string;
  changelist_id: string;
  review_version: number;
}
