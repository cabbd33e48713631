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
 * Which dead letters wait for a replay that nobody tells of, the most silent first; by the index `replay_items_waiting`,
 * which holds what is under way alone.
 *
 * With 100,000 items of which 100 are under way, none silent (2026-11-25, PostgreSQL 18):
 *   LockRows > Sort > Nested Loop > HashAggregate > Limit
 *     > Index Scan using replay_items_waiting, Index Cond: (changed_at < (InitPlan 1).col1), rows=0
 *     > Index Scan using dead_letters_pkey (never executed)
 *   Buffers: shared hit=4, Execution Time: 0.114 ms
 */
export const SILENT_LETTERS = `SELECT ${LETTER_COLUMNS} FROM dead_letters
  WHERE state = 'replaying'
    AND id IN (SELECT dead_letter_id FROM replay_items WHERE ${SILENT} ORDER BY changed_at LIMIT $2)
  ORDER BY subject_id, subject_type, stage FOR UPDATE SKIP LOCKED`;

@Injectable()
export class SilentReplaysRepository {
  /** Locked; those that somebody else has in hand are left to them, for what they do is news. */
  letters(tx: Tx, timeout_ms: number, limit: number): Promise<DeadLetter[]> {
    return tx.query<DeadLetter>(SILENT_LETTERS, [timeout_ms, limit]);
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
