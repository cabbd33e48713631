import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';

export interface StoredEntry {
  id: string;
  entry: Buffer;
}

/** An entry that has its number. */
export interface SealedEntry {
  index: number;
  entry: Buffer;
  leaf_hash: Buffer;
}

const SEALED = `l.position AS "index", e.entry, l.leaf_hash FROM audit_log l JOIN audit_entries e ON e.id = l.entry_id`;

@Injectable()
export class EntriesRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** The database's clock, as an entry writes it: RFC 3339, UTC, microseconds. */
  async now(tx: Tx): Promise<string> {
    const [row] = await tx.query<{ now: string }>(
      `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now`,
    );
    return row!.now;
  }

  /** Entries that are to be numbered. */
  async insert(tx: Tx, entries: readonly StoredEntry[]): Promise<void> {
    await this.insertNumbered(tx, entries);
    await tx.execute(`INSERT INTO audit_unsealed (entry_id) SELECT unnest($1::uuid[])`, [entries.map(({ id }) => id)]);
  }

  /** Entries to which the caller gives their number. */
  async insertNumbered(tx: Tx, entries: readonly StoredEntry[]): Promise<void> {
    await tx.execute(`INSERT INTO audit_entries (id, entry) SELECT * FROM unnest($1::uuid[], $2::bytea[])`, [
      entries.map(({ id }) => id),
      entries.map(({ entry }) => entry),
    ]);
  }

  /** From an index on, in the order of the log. */
  from(index: number, limit: number): Promise<SealedEntry[]> {
    return this.database.query(`SELECT ${SEALED} WHERE l.position >= $1 ORDER BY l.position LIMIT $2`, [index, limit]);
  }

  /** The newest first. */
  before(index: number | null, limit: number): Promise<SealedEntry[]> {
    return this.database.query(
      `SELECT ${SEALED} WHERE $1::bigint IS NULL OR l.position < $1 ORDER BY l.position DESC LIMIT $2`,
      [index, limit],
    );
  }

  /** The signed note of the last checkpoint; undefined before the first. */
  async lastCheckpoint(): Promise<string | undefined> {
    const sql = 'SELECT checkpoint FROM audit_checkpoints ORDER BY size DESC LIMIT 1';
    return (await this.database.query<{ checkpoint: string }>(sql))[0]?.checkpoint;
  }
}
