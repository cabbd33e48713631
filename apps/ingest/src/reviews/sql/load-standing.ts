import { statement } from '@assay/postgres';

/**
 * What stands of changelists: the same question as `load_contest` asks, under the same locks.
 *
 * $1 sources, $2 changelists: text[].
 * EXPLAIN at 10,000 jobs: Nested Loop, Index Scan on jobs_standing.
 */
export const LOAD_STANDING = statement(
  'load_standing',
  `SELECT DISTINCT j.source, j.changelist_id, j.id AS job_id, j.review_version
    FROM unnest($1::text[], $2::text[]) AS c(source, changelist_id)
    JOIN jobs j ON j.source = c.source AND j.changelist_id = c.changelist_id AND j.standing`,
);

export interface StandingRow {
  source: string;
  changelist_id: string;
  job_id: string;
  review_version: number;
}
