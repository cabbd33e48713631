import { SqlMigration } from '@assay/postgres';

/**
 * Operators' acts on deliveries that have not failed, each with its one answer. `sources` are those of the key: nothing
 * of others is touched; null is every one.
 */
export class Actions1763992000000 extends SqlMigration {
  readonly name = 'Actions1763992000000';

  readonly statements = [
    `CREATE TABLE actions (
      id uuid PRIMARY KEY,
      sequence bigint GENERATED ALWAYS AS IDENTITY,
      action text NOT NULL,
      subject_type text NOT NULL,
      subject_id text NOT NULL,
      dead_letter_id uuid REFERENCES dead_letters (id) ON DELETE SET NULL,
      sources text[],
      reason text NOT NULL,
      actor text NOT NULL,
      request_hash bytea NOT NULL,
      state text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'done', 'refused')),
      code text,
      deliveries integer,
      sent_as text,
      delivery_id uuid,
      requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      answered_at timestamptz,
      correlation_id text NOT NULL,
      CONSTRAINT actions_answered CHECK ((state = 'requested') = (answered_at IS NULL))
    )`,
    `CREATE UNIQUE INDEX actions_listed ON actions (sequence)`,
  ];
}
