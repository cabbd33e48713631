import { PARKED_RECORDS_MIGRATION_SQL } from '@assay/messaging';
import { SqlMigration } from '@assay/postgres';
import { WORK_QUEUE_MIGRATION_SQL } from '@assay/work-queue';

/**
 * - `intakes` is the inbox: narrow rows, written once. Beside it `validations` is written once, too: one table for both
 *   would mean an update of every row, and with it a dead one.
 * - A validation keeps the bytes of its event, so that asked again it publishes the very same (GEN-2). What came from
 *   outside stands in these bytes alone: text columns take no U+0000.
 */
export class Init1763900000000 extends SqlMigration {
  readonly name = 'Init1763900000000';

  readonly statements = [
    `CREATE TABLE intakes (
      job_id uuid NOT NULL,
      generation integer NOT NULL CHECK (generation >= 0),
      source text NOT NULL,
      received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (job_id, generation)
    )`,

    `CREATE TABLE validations (
      job_id uuid NOT NULL,
      generation integer NOT NULL CHECK (generation >= 0),
      source text NOT NULL,
      changelist_id text NOT NULL,
      review_version integer NOT NULL,
      revision integer NOT NULL CHECK (revision >= 1),
      outcome text NOT NULL CHECK (outcome IN ('accepted', 'rejected')),
      rejection_class text,
      rejection_code text,
      read_as text,
      schema_verdict text,
      prompt_verdict text,
      allow_list_submitted_under text NOT NULL,
      allow_list_judged_by text NOT NULL,
      correlation_id text NOT NULL,
      traceparent text,
      validated_at timestamptz NOT NULL,
      event bytea NOT NULL,
      diagnostics bytea NOT NULL,
      dead_letter bytea,
      PRIMARY KEY (job_id, generation),
      CONSTRAINT validations_rejection CHECK (
        (outcome = 'rejected') = (rejection_class IS NOT NULL AND rejection_code IS NOT NULL AND dead_letter IS NOT NULL)
      )
    )`,
    `ALTER TABLE validations
      ALTER COLUMN event SET STORAGE EXTERNAL,
      ALTER COLUMN diagnostics SET STORAGE EXTERNAL,
      ALTER COLUMN dead_letter SET STORAGE EXTERNAL`,
    // What fits a page stays in its row, which is never updated: out of line it is four more rows and their index entries.
    `ALTER TABLE validations SET (toast_tuple_target = 8160)`,

    ...WORK_QUEUE_MIGRATION_SQL,
    ...PARKED_RECORDS_MIGRATION_SQL,
  ];
}
