import { statement } from '@assay/postgres';

/**
 * Counts a refusal of a destination's credential and names its version: one dead letter per version (DEL-7). The
 * fingerprint never leaves this table.
 *
 * $1 destination, $2 fingerprint, $3 id of the dead letter's subject if this is the version's first refusal.
 */
export const REFUSE_CREDENTIAL = statement(
  'refuse_credential',
  `INSERT INTO credentials AS c (destination, fingerprint, version, dead_letter_id)
    VALUES ($1, $2, (SELECT count(*) + 1 FROM credentials WHERE destination = $1), $3::uuid)
    ON CONFLICT (destination, fingerprint)
      DO UPDATE SET revision = c.revision + 1, last_refused_at = clock_timestamp()
    RETURNING version, revision, dead_letter_id, first_refused_at, last_refused_at`,
);

/** Jobs that wait for a destination: $1 channel, $2 address or null for all of the channel, $3 at most. */
export const WAITING_JOBS = statement(
  'waiting_jobs',
  `SELECT DISTINCT job_id, source FROM deliveries
    WHERE state IN ('pending', 'retry_scheduled', 'sending') AND channel = $1 AND ($2::text IS NULL OR address = $2)
    LIMIT $3`,
);
