import { Inject, Injectable } from '@nestjs/common';
import { CompactTree, HASH_BYTES, leafHash } from '@assay/audit-log';
import { Failure } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import { EntriesRepository } from './entries.repository.js';
import type { StoredEntry } from './entries.repository.js';

/** Who seals, by owner and token (GEN-3). */
export interface SealerLease {
  owner: string;
  lease_token: string;
}

export interface HeldSealer extends SealerLease {
  tree: CompactTree;
  /** The last checkpoint is older than an hour, or there is none. */
  is_stale: boolean;
}

interface SealerRow {
  lease_token: string;
  size: number;
  subtrees: Buffer;
  is_stale: boolean;
}

@Injectable()
export class SealerRepository {
  constructor(@Inject(EntriesRepository) private readonly entries: EntriesRepository) {}

  /**
   * Takes the lease where nobody holds it, or renews the caller's own; null where another holds it. The row stays locked
   * until the transaction ends: who holds the lease extends the tree that stands there.
   */
  async hold(
    tx: Tx,
    { owner, lease_token }: SealerLease,
    fresh_token: string,
    lease_ms: number,
  ): Promise<HeldSealer | null> {
    const [row] = await tx.query<SealerRow>(
      `UPDATE audit_sealer SET owner = $1, lease_expires_at = clock_timestamp() + $4 * interval '1 millisecond',
          lease_token = CASE WHEN owner = $1 AND lease_token = $2 THEN lease_token ELSE $3 END
        WHERE (owner = $1 AND lease_token = $2) OR lease_expires_at IS NULL OR lease_expires_at < clock_timestamp()
        RETURNING lease_token, size, subtrees, signed_at IS NULL OR signed_at < clock_timestamp() - interval '1 hour'
          AS is_stale`,
      [owner, lease_token, fresh_token, lease_ms],
    );
    if (row === undefined) return null;
    return {
      owner,
      lease_token: row.lease_token,
      tree: new CompactTree(row.size, hashesIn(row.subtrees)),
      is_stale: row.is_stale,
    };
  }

  unsealed(tx: Tx, limit: number): Promise<StoredEntry[]> {
    return tx.query(
      `SELECT e.id, e.entry FROM audit_unsealed u JOIN audit_entries e ON e.id = u.entry_id ORDER BY u.sequence LIMIT $1`,
      [limit],
    );
  }

  /** Gives the entries the next numbers. */
  async append(tx: Tx, tree: CompactTree, entries: readonly StoredEntry[]): Promise<void> {
    const rows = entries.map(({ id, entry }) => {
      const row = { position: tree.size, id, leaf_hash: leafHash(entry) };
      tree.append(row.leaf_hash);
      return row;
    });
    await tx.execute(
      `INSERT INTO audit_log (position, entry_id, leaf_hash) SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[])`,
      [rows.map(({ position }) => position), rows.map(({ id }) => id), rows.map(({ leaf_hash }) => leaf_hash)],
    );
    await tx.execute('DELETE FROM audit_unsealed WHERE entry_id = ANY ($1)', [entries.map(({ id }) => id)]);
  }

  /** An entry of the sealer's own, which gets the next number at once. */
  async appendOwn(tx: Tx, tree: CompactTree, own: StoredEntry): Promise<void> {
    await this.entries.insertNumbered(tx, [own]);
    await this.append(tx, tree, [own]);
  }

  /** Rejects where the lease is another's by now: nothing of the transaction stands. */
  async store(tx: Tx, { owner, lease_token, tree }: HeldSealer, checkpoint: string | null): Promise<void> {
    if (checkpoint !== null) {
      await tx.execute('INSERT INTO audit_checkpoints (size, checkpoint) VALUES ($1, $2)', [tree.size, checkpoint]);
    }
    const changed = await tx.execute(
      `UPDATE audit_sealer SET size = $3, subtrees = $4, signed_at = CASE WHEN $5 THEN clock_timestamp() ELSE signed_at END
        WHERE owner = $1 AND lease_token = $2`,
      [owner, lease_token, tree.size, Buffer.concat(tree.subtrees), checkpoint !== null],
    );
    if (changed === 1) return;
    const message = 'another process has the lease of the sealer';
    throw new Failure({ error_class: 'CONFLICT', code: 'sealer_lease_lost', retryable: true, message });
  }
}

function hashesIn(subtrees: Buffer): Buffer[] {
  return Array.from({ length: subtrees.length / HASH_BYTES }, (_, at) =>
    subtrees.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}
