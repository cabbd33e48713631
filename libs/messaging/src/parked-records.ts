/**
 * What a service's consumer could not take (DLQ-4), in its own schema. Applied by each service's own migrations;
 * forward-only: a later change is a further list. The digest is part of the key, since a topic that was made anew
 * counts its offsets from zero again. A record without a value has no bytes and so no key.
 */
export const PARKED_RECORDS_MIGRATION_SQL: readonly string[] = [
  `CREATE TABLE parked_records (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    record_key bytea,
    headers json NOT NULL,
    codec text NOT NULL CHECK (codec IN ('gzip+aes-256-gcm', 'none')),
    key_id text,
    bytes bytea,
    error_class text NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    correlation_id text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT parked_records_place UNIQUE (topic, partition, record_offset, digest),
    CONSTRAINT parked_records_bytes CHECK ((codec = 'none') = (bytes IS NULL) AND (bytes IS NULL) = (key_id IS NULL))
  )`,
  `ALTER TABLE parked_records ALTER COLUMN bytes SET STORAGE EXTERNAL`,
];

/** Returns the row's clock, or no row when this very record stands here already. */
export const INSERT_PARKED_RECORD = `
  INSERT INTO parked_records
    (id, topic, partition, record_offset, digest, record_key, headers, codec, key_id, bytes, error_class, code, reason, correlation_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
  ON CONFLICT ON CONSTRAINT parked_records_place DO NOTHING
  RETURNING parked_at`;
