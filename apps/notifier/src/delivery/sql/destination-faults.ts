import { statement } from '@assay/postgres';

/** Of the episode that `f` is in; one that has recovered begins anew. */
const SINCE = `CASE WHEN f.recovered_at IS NULL THEN f.failing_since ELSE now() END`;
const TOLD = `CASE WHEN f.recovered_at IS NULL THEN f.told_at END`;
/** The first time once it has failed for so long; then no more often than every so many milliseconds. */
const TELLS = `CASE WHEN ${TOLD} IS NULL THEN now() - ${SINCE} >= $5 * interval '1 millisecond'
  ELSE now() - f.told_at >= $6 * interval '1 millisecond' END`;

/**
 * A failure of a destination, or of our credential there, and whether it is to be told now: one dead letter over all
 * replicas, for the row's lock makes their reports take turns (DEL-7, DEL-8). The fingerprint of a credential names its
 * version, and never leaves this table; a destination's is empty. `now()` is one time for the whole statement.
 *
 * $1 destination, $2 subject type, $3 fingerprint, $4 id of the dead letter's subject if this is its first failure;
 * $5 failing for so many ms before it is told, $6 ms between two tellings.
 * EXPLAIN: Insert, arbitrated by destination_faults_identity; the version by an Index Only Scan on it.
 */
export const RECORD_FAULT = statement(
  'record_fault',
  `INSERT INTO destination_faults AS f (destination, subject_type, fingerprint, subject_id, version, revision, told_at)
    VALUES ($1, $2, $3, $4,
      (SELECT count(*) + 1 FROM destination_faults WHERE destination = $1 AND subject_type = $2),
      CASE WHEN $5::float8 <= 0 THEN 1 ELSE 0 END, CASE WHEN $5::float8 <= 0 THEN now() END)
    ON CONFLICT ON CONSTRAINT destination_faults_identity DO UPDATE
      SET reports = CASE WHEN f.recovered_at IS NULL THEN f.reports + 1 ELSE 1 END,
        failing_since = ${SINCE}, last_failure_at = greatest(f.last_failure_at, now()), recovered_at = NULL,
        told_at = CASE WHEN ${TELLS} THEN now() ELSE ${TOLD} END,
        revision = f.revision + CASE WHEN ${TELLS} THEN 1 ELSE 0 END
    RETURNING subject_id, version, revision, reports, failing_since, last_failure_at,
      last_failure_at + $7 * interval '1 millisecond' AS next_attempt_at,
      told_at IS NOT DISTINCT FROM now() AS tells`,
);

/**
 * A refusal of one row, and how many different ones there have been since the destination's last success (DEL-7). What is
 * enough is kept, and no more. Counted by one replica at a time, under an advisory lock on the destination.
 *
 * $1 destination, $2 `credential` or `destination`, $3 what differs, $4 how many are enough.
 * EXPLAIN: a Bitmap Scan on destination_refusals_pkey, and an Insert that it arbitrates.
 */
export const COUNT_REFUSAL = statement(
  'count_refusal',
  `WITH known AS MATERIALIZED (
    SELECT counted_by FROM destination_refusals WHERE destination = $1 AND suspected = $2
  ), added AS (
    INSERT INTO destination_refusals (destination, suspected, counted_by)
    SELECT $1, $2, $3 WHERE (SELECT count(*) FROM known) < $4
    ON CONFLICT (destination, suspected, counted_by) DO UPDATE SET refused_at = now()
    RETURNING counted_by
  )
  SELECT count(*)::int AS different FROM (SELECT counted_by FROM known UNION SELECT counted_by FROM added) AS each`,
);

/** One replica at a time. $1 destination. */
export const LOCK_REFUSALS = statement(
  'lock_refusals',
  `SELECT pg_advisory_xact_lock(hashtextextended('assay.refusals ' || $1, 0))`,
);

/**
 * A destination has taken a message: whatever was wrong there is over, refusals of single rows count no more, and what
 * was told of it gets a revision to tell that by. A failure that came after the success stands.
 *
 * $1 destination, $2 how many ms ago it took the message.
 * EXPLAIN: Update over a Bitmap Scan on destination_faults_identity, and a Delete over one on destination_refusals_pkey.
 */
export const RECOVER_DESTINATION = statement(
  'recover_destination',
  `WITH forgotten AS (
    DELETE FROM destination_refusals
      WHERE destination = $1 AND refused_at <= now() - $2 * interval '1 millisecond'
  )
  UPDATE destination_faults AS f
    SET recovered_at = greatest(f.last_failure_at, now()),
      revision = f.revision + CASE WHEN f.told_at IS NULL THEN 0 ELSE 1 END
    WHERE f.destination = $1 AND f.recovered_at IS NULL
      AND f.last_failure_at <= now() - $2 * interval '1 millisecond'
    RETURNING f.subject_type, f.subject_id, f.revision, f.recovered_at, f.told_at IS NOT NULL AS told`,
);

/**
 * Destinations with something wrong, by whichever replica found it, and how long ago: a success there is written down.
 * EXPLAIN: Seq Scans; a row for each destination and for each credential that was ever refused, and some refusals.
 */
export const FAILING_DESTINATIONS = statement(
  'failing_destinations',
  `SELECT destination, (extract(epoch FROM clock_timestamp() - min(at)) * 1000)::float8 AS failed_ms_ago
    FROM (
      SELECT destination, last_failure_at AS at FROM destination_faults WHERE recovered_at IS NULL
      UNION ALL
      SELECT destination, refused_at FROM destination_refusals
    ) AS each
    GROUP BY 1`,
);
