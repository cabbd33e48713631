import { statement } from '@assay/postgres';

/**
 * One changelist at a time, across replicas and versions: adoption (ING-4) and superseding (ING-6) judge what stands,
 * and a statement after this one sees it. Advisory, because there is no row of a changelist that a new one could lock.
 *
 * $1 text[]: keys, sorted, so that two batches never wait for each other crosswise.
 */
export const LOCK_CHANGELISTS = statement(
  'lock_changelists',
  `SELECT pg_advisory_xact_lock(hashtextextended('assay.notifier.changelist ' || u.key, 0))
    FROM unnest($1::text[]) WITH ORDINALITY AS u(key, place) ORDER BY u.place`,
);

/**
 * Parents with the bytes that their messages are rendered from; (job, generation) is the inbox key. Of a generation
 * that comes after a later one of its job there is nothing to do any more (GEN-9).
 *
 * $1 bytea: packed bodies; $2 json: [{job_id, generation, …, open, o, l}]. Returns those that are new, and
 * whether they were cancelled before (ING-13).
 * EXPLAIN: Insert over a Function Scan.
 */
export const INSERT_REVIEWS = statement(
  'insert_reviews',
  `INSERT INTO reviews (job_id, generation, source, changelist_id, review_version, priority, open, correlation_id,
      traceparent, job_url, findings_url, validated)
  SELECT u.job_id, u.generation, u.source, u.changelist_id, u.review_version, u.priority, u.open, u.correlation_id,
      u.traceparent, u.job_url, u.findings_url, substring($1::bytea FROM u.o FOR u.l)
    FROM json_to_recordset($2::json) AS u(job_id uuid, generation int, source text, changelist_id text,
      review_version int, priority smallint, open int, correlation_id text, traceparent text, job_url text,
      findings_url text, o int, l int)
    WHERE NOT EXISTS (SELECT FROM reviews AS l WHERE l.job_id = u.job_id AND l.generation > u.generation)
    ORDER BY u.job_id, u.generation
  ON CONFLICT DO NOTHING
  RETURNING job_id, generation, EXISTS (SELECT FROM cancellations AS c
    WHERE c.job_id = reviews.job_id AND c.generation = reviews.generation) AS cancelled`,
);

/** The oldest and newest version that is known of each changelist. $1 text[] sources, $2 text[] changelists. */
export const KNOWN_VERSIONS = statement(
  'known_versions',
  `SELECT u.source, u.changelist_id, min(r.review_version) AS oldest, max(r.review_version) AS newest
    FROM unnest($1::text[], $2::text[]) AS u(source, changelist_id)
    JOIN reviews AS r USING (source, changelist_id)
    GROUP BY 1, 2`,
);
