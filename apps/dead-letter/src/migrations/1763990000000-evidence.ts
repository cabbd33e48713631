import { SqlMigration } from '@assay/postgres';

/**
 * What was done about a failure (DLQ-7), on a dead letter or on an incident. `sources` are those of the key that
 * attached it to an incident: it says nothing about the dead letters of others (GEN-8); null is every source.
 */
export class Evidence1763990000000 extends SqlMigration {
  readonly name = 'Evidence1763990000000';

  readonly statements = [
    `CREATE TABLE evidence (
      id uuid PRIMARY KEY,
      sequence bigint GENERATED ALWAYS AS IDENTITY,
      dead_letter_id uuid REFERENCES dead_letters (id) ON DELETE CASCADE,
      fingerprint text,
      sources text[],
      type text NOT NULL,
      facts json NOT NULL,
      request_hash bytea NOT NULL,
      actor text NOT NULL,
      correlation_id text NOT NULL,
      attached_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      CONSTRAINT evidence_of_one CHECK ((dead_letter_id IS NULL) <> (fingerprint IS NULL))
    )`,
    `CREATE UNIQUE INDEX evidence_of_dead_letter ON evidence (dead_letter_id, sequence)`,
    `CREATE UNIQUE INDEX evidence_of_incident ON evidence (fingerprint, sequence)`,
  ];
}
