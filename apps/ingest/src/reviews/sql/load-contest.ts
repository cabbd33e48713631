import { statement } from '@assay/postgres';

/**
 * What a batch of candidates is judged by: who holds their keys, and what stands of their changelists.
 *
 * $1 sources, $2 idempotency keys, $3 changelists: text[], one entry per candidate.
 * EXPLAIN at 10,000 jobs: an Append of two nested loops, Index Scans on jobs_idempotency_key and jobs_standing.
 */
export const LOAD_CONTEST = statement(
  'load_contest',
  `SELECT c.n::int AS n, 'holder' AS kind, j.id AS job_id, encode(j.body_digest, 'hex') AS body_digest,
      j.review_version, j.state, j.state = 'failed' AND j.stage = 'validate' AND NOT j.given_up AS passes_key
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS c(source, idempotency_key, n)
    JOIN jobs j ON j.source = c.source AND j.idempotency_key = c.idempotency_key
  UNION ALL
  SELECT c.n::int, 'standing', j.id, NULL, j.review_version, j.state, false
    FROM unnest($1::text[], $3::text[]) WITH ORDINALITY AS c(source, changelist_id, n)
    JOIN jobs j ON j.source = c.source AND j.changelist_id = c.changelist_id AND j.standing`,
);

export interface ContestRow {
  /** The candidate's place in the batch, from 1. */
  n: number;
  kind: 'holder' | 'standing';
  job_id: string;
  body_digest: string | null;
  review_version: number;
  state: string;
  passes_key: boolean;
}
