import { Injectable } from '@nestjs/common';
import type { Tx } from '@assay/postgres';
import { LETTER_COLUMNS } from '../letters/index.js';
import type { DeadLetter } from '../letters/index.js';

/**
 * Under way, and without a word for longer than $1 ms: their last change is that they were asked for, or accepted. The
 * clock is read once, in a sub-select, or the index could not say where to stop.
 */
const SILENT = `state IN ('requested', 'accepted')
  AND changed_at < (SELECT clock_timestamp() - $1::float8 * interval '1 millisecond')`;

/**
 * The dead letters that wait for a replay of which nobody tells, the most silent first; by the index
 * `replay_items_waiting`, which holds what is under way alone.
 *
 * With 100,000 items of which 100 are under way, none silent (2026-11-25, PostgreSQL 18):
 *   Limit > Index Scan using replay_items_waiting, Index Cond: (changed_at < (InitPlan 1).col1), rows=0
 *   Buffers: shared hit=1, Execution Time: 0.031 ms
 */
export const FIND_SILENT = `SELECT dead_letter_id FROM replay_items WHERE ${SILENT} ORDER BY changed_at LIMIT $2`;

/**
 * By `dead_letters_pkey`, or, where few are being replayed, all of those by `dead_letters_by_state`.
 *
 * With 100,000 dead letters of which 100 are being replayed and asked for (2026-11-25, PostgreSQL 18):
 *   LockRows > Sort > Index Scan using dead_letters_by_state, rows=100
 *   Buffers: shared hit=306, Execution Time: 0.781 ms
 */
export const LOCK_REPLAYING = `SELECT ${LETTER_COLUMNS} FROM dead_letters WHERE state = 'replaying' AND id = ANY ($1)
  ORDER BY subject_id, subject_type, stage FOR UPDATE SKIP LOCKED`;

@Injectable()
export class SilentReplaysRepository {
  /** Takes no lock. */
  async find(tx: Tx, timeout_ms: number, limit: number): Promise<string[]> {
    const rows = await tx.query<{ dead_letter_id: string }>(FIND_SILENT, [timeout_ms, limit]);
    return rows.map(({ dead_letter_id }) => dead_letter_id);
  }

  /** Locked; those that somebody else has in hand are left to them, for what they do is news. */
  lock(tx: Tx, ids: readonly string[]): Promise<DeadLetter[]> {
    return tx.query<DeadLetter>(LOCK_REPLAYING, [ids]);
  }

  /** Those of these dead letters that are still without a word: to be asked again under the locks of their plans. */
  async stillSilent(tx: Tx, dead_letter_ids: readonly string[], timeout_ms: number): Promise<Set<string>> {
    const rows = await tx.query<{ dead_letter_id: string }>(
      `SELECT dead_letter_id FROM replay_items WHERE ${SILENT} AND dead_letter_id = ANY ($2)`,
      [timeout_ms, dead_letter_ids],
    );
    return new Set(rows.map(({ dead_letter_id }) => dead_letter_id));
  }
}
