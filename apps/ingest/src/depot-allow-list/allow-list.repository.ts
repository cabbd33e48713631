import { Inject, Injectable } from '@nestjs/common';
import type { AllowListEntry } from '@assay/review-engine';
import { Database } from '@assay/postgres';
import { v7 } from 'uuid';
import type { AllowListFile } from '@assay/review-engine';

type Entry = Required<AllowListEntry>;

export interface AllowListChange {
  id: string;
  recorded_at: string;
  hash: string;
  changed_by: string;
  added: Entry[];
  removed: Entry[];
}

@Injectable()
export class AllowListRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * Records a load whose content differs from the last one (SEC-2). Replicas start together: an advisory lock lets one
   * compare and write at a time. Returns whether it was recorded.
   */
  async record({ list, changed_by }: AllowListFile): Promise<boolean> {
    return this.database.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('ingest allow-list', 0))`);
      const [last] = await tx.query<{ hash: string; entries: Entry[] }>(
        `SELECT hash, entries FROM allow_list_history ORDER BY recorded_at DESC, id DESC LIMIT 1`,
      );
      if (last?.hash === list.hash) return false;
      const entries = [...list.entries];
      const { added, removed } = difference(last?.entries ?? [], entries);
      const values = [v7(), list.hash, changed_by, ...[entries, added, removed].map((each) => JSON.stringify(each))];
      await tx.execute(
        `INSERT INTO allow_list_history (id, hash, changed_by, entries, added, removed) VALUES ($1, $2, $3, $4, $5, $6)`,
        values,
      );
      return true;
    });
  }

  /** Newest first. */
  history(limit: number): Promise<AllowListChange[]> {
    return this.database.query<AllowListChange>(
      `SELECT id, recorded_at, hash, changed_by, added, removed FROM allow_list_history
       ORDER BY recorded_at DESC, id DESC LIMIT $1`,
      [limit],
    );
  }
}

function difference(before: readonly Entry[], after: readonly Entry[]): { added: Entry[]; removed: Entry[] } {
  const keys = (entries: readonly Entry[]) => new Set(entries.map((entry) => `${entry.broad} ${entry.path}`));
  const [old, current] = [keys(before), keys(after)];
  return {
    added: after.filter((entry) => !old.has(`${entry.broad} ${entry.path}`)),
    removed: before.filter((entry) => !current.has(`${entry.broad} ${entry.path}`)),
  };
}
