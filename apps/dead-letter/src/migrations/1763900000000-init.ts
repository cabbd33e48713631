import { PARKED_RECORDS_MIGRATION_SQL } from '@assay/messaging';
import { SqlMigration } from '@assay/postgres';
import { WORK_QUEUE_MIGRATION_SQL } from '@assay/work-queue';

/**
 * - One row per (subject type, subject, stage) (DLQ-3). Vocabularies of other services (stage, class, subject type) are
 *   plain text: an unknown value is kept (OPS-5). The state is ours and is checked.
 * - `sequence` orders lists and is their cursor: drawn anew with each change (DLQ-5), and unlike a time unique. A row that
 *   changes while somebody pages moves to the front and is met nowhere else.
 * - `settlements` remembers what ended well and may have a dead letter that has not arrived yet (GEN-9).
 */
export class Init1763900000000 extends SqlMigration {
  readonly name = 'Init1763900000000';

  readonly statements = [
    `CREATE TABLE dead_letters (
      id uuid PRIMARY KEY,
      sequence bigint GENERATED ALWAYS AS IDENTITY,
      subject_type text NOT NULL,
      subject_id text NOT NULL,
      stage text NOT NULL,
      job_id uuid,
      source text NOT NULL,
      changelist_id text,
      review_version integer,
      generation integer NOT NULL CHECK (generation >= 0),
      revision integer NOT NULL CHECK (revision >= 0),
      occurred_at timestamptz NOT NULL,
      error_class text NOT NULL,
      code text NOT NULL,
      last_stack text NOT NULL,
      sanitized_context json NOT NULL,
      fingerprint text NOT NULL,
      first_failure_at timestamptz NOT NULL,
      last_failure_at timestamptz NOT NULL,
      occurrences integer NOT NULL DEFAULT 1 CHECK (occurrences >= 1),
      state text NOT NULL CHECK (
        state IN ('open', 'triaged', 'remediated', 'replaying', 'resolved', 'escalated', 'discarded')
      ),
      changes integer NOT NULL DEFAULT 0,
      assignee text,
      correlation_id text NOT NULL,
      traceparent text,
      opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      closed_at timestamptz,
      CONSTRAINT dead_letters_subject UNIQUE (subject_id, subject_type, stage),
      CONSTRAINT dead_letters_closed CHECK ((state IN ('resolved', 'discarded')) = (closed_at IS NOT NULL))
    )`,
    `CREATE UNIQUE INDEX dead_letters_listed ON dead_letters (sequence)`,
    `CREATE INDEX dead_letters_by_source ON dead_letters (source, sequence)`,
    `CREATE INDEX dead_letters_by_state ON dead_letters (state, sequence)`,
    `CREATE INDEX dead_letters_by_fingerprint ON dead_letters (fingerprint, sequence)`,
    // For the gauge alone: one entry more of a letter that opens or changes its class or state.
    `CREATE INDEX dead_letters_counted ON dead_letters (error_class, state) WHERE closed_at IS NULL`,
    `CREATE INDEX dead_letters_open ON dead_letters (subject_id, subject_type, stage) WHERE closed_at IS NULL`,

    `CREATE TABLE transitions (
      dead_letter_id uuid NOT NULL REFERENCES dead_letters (id) ON DELETE CASCADE,
      change integer NOT NULL,
      occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      from_state text,
      to_state text NOT NULL,
      cause text NOT NULL,
      actor text NOT NULL,
      note text,
      generation integer NOT NULL,
      error_class text NOT NULL,
      correlation_id text NOT NULL,
      PRIMARY KEY (dead_letter_id, change)
    )`,

    `CREATE TABLE settlements (
      subject_id text NOT NULL,
      subject_type text NOT NULL,
      stage text NOT NULL,
      job_id uuid,
      generation integer NOT NULL,
      revision integer NOT NULL,
      occurred_at timestamptz NOT NULL,
      cause text NOT NULL,
      recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (subject_id, subject_type, stage)
    )`,

    `CREATE INDEX settlements_by_age ON settlements (recorded_at)`,

    ...WORK_QUEUE_MIGRATION_SQL,
    ...PARKED_RECORDS_MIGRATION_SQL,
  ];
}
