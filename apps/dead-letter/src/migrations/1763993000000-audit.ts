import { SqlMigration } from '@assay/postgres';

const appendOnly = (table: string) =>
  `CREATE TRIGGER ${table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`;

/**
 * The audit log (DLQ-11). `audit_entries` holds each entry's bytes, written in its act's transaction, and `audit_unsealed`
 * those that have no number yet; `audit_log` is the numbering, and `audit_sealer` the one row of the sealer: its lease and
 * the perfect subtrees of the tree so far. What is kept for ever can neither be changed nor removed.
 */
export class Audit1763993000000 extends SqlMigration {
  readonly name = 'Audit1763993000000';

  readonly statements = [
    `CREATE TABLE audit_entries (
      id uuid PRIMARY KEY,
      entry bytea NOT NULL,
      arrived_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`,
    `CREATE TABLE audit_unsealed (
      sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      entry_id uuid NOT NULL UNIQUE REFERENCES audit_entries (id)
    )`,
    `CREATE TABLE audit_log (
      position bigint PRIMARY KEY CHECK (position >= 0),
      entry_id uuid NOT NULL UNIQUE REFERENCES audit_entries (id),
      leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32)
    )`,
    `CREATE TABLE audit_checkpoints (
      size bigint PRIMARY KEY,
      checkpoint text NOT NULL,
      signed_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`,
    `CREATE TABLE audit_sealer (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      owner text,
      lease_token uuid,
      lease_expires_at timestamptz,
      size bigint NOT NULL DEFAULT 0,
      subtrees bytea NOT NULL DEFAULT '',
      signed_at timestamptz
    )`,
    `INSERT INTO audit_sealer DEFAULT VALUES`,
    `CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'the audit log is append-only: % of % is refused', TG_OP, TG_TABLE_NAME
          USING ERRCODE = 'insufficient_privilege';
      END
    $$`,
    ...['audit_entries', 'audit_log', 'audit_checkpoints'].map(appendOnly),
  ];
}
