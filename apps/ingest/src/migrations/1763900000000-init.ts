import { PARKED_RECORDS_MIGRATION_SQL } from '@assay/messaging';
import { SqlMigration } from '@assay/postgres';
import { WORK_QUEUE_MIGRATION_SQL } from '@assay/work-queue';

/**
 * - `jobs.standing` is what ING-4's index filters by, rather than `state`: an update that changes no indexed column
 *   stays on its page (HOT), and a job's state changes three times while `standing` mostly never does.
 * - `jobs.fallen_as` lets a list find jobs by how they ended, for the same reason not by `state`. It changes with
 *   `standing` alone, and is null, of no bytes, while a job stands.
 * - What the indexes cost. Acceptance enters a job into six (key, idempotency key, `jobs_standing`, `jobs_listed`,
 *   `jobs_recent`, `jobs_open`). Its end takes it out of `jobs_open`, so is no HOT update: one that succeeds enters the
 *   other five again; one that fails or is superseded enters the three of fallen jobs in place of `jobs_standing`, two
 *   of them (`jobs_fallen_listed`, `jobs_fallen_recent`) for the lists alone.
 * - Raw bodies stand apart from jobs (`submissions`), so that reading jobs never touches them.
 * - `jobs.idempotency_key` is null once it has passed to another job (ING-3).
 * - `jobs.given_up`: it failed because nobody told of it in its present generation, and not otherwise (ING-11).
 * - `job_timeline` holds hops and transitions in one row where one caused the other: half the rows of two tables.
 *   The acceptance itself stands in `jobs` and is read from there.
 */
export class Init1763900000000 extends SqlMigration {
  readonly name = 'Init1763900000000';

  readonly statements = [
    `CREATE TABLE jobs (
      id uuid PRIMARY KEY,
      source text NOT NULL,
      idempotency_key text,
      body_digest bytea NOT NULL CHECK (length(body_digest) = 32),
      body_bytes integer NOT NULL,
      changelist_id text NOT NULL,
      review_version integer NOT NULL CHECK (review_version >= 1),
      rerun boolean NOT NULL,
      priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
      recipients json NOT NULL,
      allow_list_hash text NOT NULL,
      submitted_by text NOT NULL,
      correlation_id text NOT NULL,
      traceparent text,
      accepted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'in_progress', 'retryable_failed', 'succeeded', 'failed', 'superseded')),
      standing boolean NOT NULL GENERATED ALWAYS AS (state NOT IN ('failed', 'superseded')) STORED,
      fallen_as text GENERATED ALWAYS AS (CASE WHEN state IN ('failed', 'superseded') THEN state END) STORED,
      generation integer NOT NULL DEFAULT 0 CHECK (generation >= 0),
      stage text NOT NULL DEFAULT 'ingest',
      revision integer NOT NULL DEFAULT 1,
      ingest_revision integer NOT NULL DEFAULT 1,
      validate_revision integer NOT NULL DEFAULT 0,
      notify_revision integer NOT NULL DEFAULT 0,
      counts json,
      versions json,
      reading text,
      truncated boolean,
      deliveries json,
      quiet_since timestamptz NOT NULL DEFAULT clock_timestamp(),
      reminded_at timestamptz,
      reminders smallint NOT NULL DEFAULT 0,
      settled_at timestamptz,
      given_up boolean NOT NULL DEFAULT false,
      CONSTRAINT jobs_settled CHECK ((state IN ('succeeded', 'failed', 'superseded')) = (settled_at IS NOT NULL)),
      CONSTRAINT jobs_given_up CHECK (state = 'failed' OR NOT given_up),
      CONSTRAINT jobs_idempotency_key UNIQUE (source, idempotency_key)
    ) WITH (fillfactor = 80)`,
    `CREATE UNIQUE INDEX jobs_standing ON jobs (source, changelist_id, review_version) WHERE standing`,
    `CREATE INDEX jobs_fallen ON jobs (source, changelist_id) WHERE NOT standing`,
    `CREATE INDEX jobs_fallen_listed ON jobs (source, fallen_as, accepted_at, id) WHERE fallen_as IS NOT NULL`,
    `CREATE INDEX jobs_fallen_recent ON jobs (fallen_as, accepted_at, id) WHERE fallen_as IS NOT NULL`,
    `CREATE INDEX jobs_listed ON jobs (source, accepted_at, id)`,
    `CREATE INDEX jobs_recent ON jobs (accepted_at, id)`,
    `CREATE INDEX jobs_open ON jobs (accepted_at) WHERE settled_at IS NULL`,

    // The only store of the raw submission. codec \`plain\`: the bytes as they came; key_id names the key of a sealed one.
    `CREATE TABLE submissions (
      artefact_id uuid PRIMARY KEY,
      codec text NOT NULL CHECK (codec IN ('plain', 'gzip+aes-256-gcm')),
      key_id text,
      bytes bytea NOT NULL,
      CONSTRAINT submissions_key CHECK ((codec = 'plain') = (key_id IS NULL))
    )`,
    `ALTER TABLE submissions ALTER COLUMN bytes SET STORAGE EXTERNAL`,
    // A body that fits a page stays in its row: out of line it is four more rows and their index entries.
    `ALTER TABLE submissions SET (toast_tuple_target = 8160)`,

    `CREATE TABLE job_timeline (
      job_id uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
      event_id text NOT NULL,
      generation integer NOT NULL,
      revision integer NOT NULL,
      occurred_at timestamptz NOT NULL,
      recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      service text NOT NULL,
      stage text NOT NULL,
      type text NOT NULL,
      attempt integer,
      error_class text,
      code text,
      reading text,
      next_due_at timestamptz,
      from_state text,
      to_state text,
      cause text NOT NULL,
      PRIMARY KEY (job_id, event_id),
      CONSTRAINT job_timeline_move CHECK ((from_state IS NULL) = (to_state IS NULL))
    )`,

    `CREATE TABLE security_events (
      id uuid PRIMARY KEY,
      occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      code text NOT NULL,
      source text NOT NULL,
      key_id text NOT NULL,
      correlation_id text NOT NULL,
      detail json NOT NULL
    )`,
    `CREATE INDEX security_events_listed ON security_events (source, occurred_at)`,

    `CREATE TABLE allow_list_history (
      id uuid PRIMARY KEY,
      recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      hash text NOT NULL,
      changed_by text NOT NULL,
      entries json NOT NULL,
      added json NOT NULL,
      removed json NOT NULL
    )`,
    `CREATE INDEX allow_list_history_listed ON allow_list_history (recorded_at)`,

    ...WORK_QUEUE_MIGRATION_SQL,
    ...PARKED_RECORDS_MIGRATION_SQL,
  ];
}
