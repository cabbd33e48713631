import type { Database, Tx } from '@assay/postgres';
import { DUE_LANES, LOCK_MARKS, MARK_UNMARKED, OVERDUE_LANES, RENEW_MARKS } from './sql/lanes.js';

export interface DueLanes {
  lanes: string[];
  /** In how many ms the first item of any other lane is due; null where there is none. */
  next_due_ms: number | null;
}

/** The small table of lanes with something queued (WQ-9). It is written to by the statements that queue items. */
export class LaneRepository {
  async due(tx: Tx, queue: string): Promise<DueLanes> {
    const rows = await tx.query<{ lane: string | null; due_in_ms: number }>(DUE_LANES, [queue]);
    return {
      lanes: rows.flatMap(({ lane }) => lane ?? []),
      next_due_ms: rows.find(({ lane }) => lane === null)?.due_in_ms ?? null,
    };
  }

  async overdue(tx: Tx, queue: string): Promise<string[]> {
    return (await tx.query<{ lane: string }>(OVERDUE_LANES, [queue])).map(({ lane }) => lane);
  }

  /**
   * Brings the marks of lanes to what is queued in them. Returns in how many ms the first of it is due; null for nothing.
   * What is queued is read by a statement of its own, which begins once the marks are locked.
   */
  renew(database: Database, queue: string, lanes: readonly string[]): Promise<number | null> {
    return database.transaction(async (tx) => {
      const marks = await tx.query<{ id: string }>(LOCK_MARKS, [queue, lanes]);
      if (marks.length === 0) return null;
      const renewed = await tx.query<{ due_in_ms: number }>(RENEW_MARKS, [queue, marks.map(({ id }) => id)]);
      return renewed.length === 0 ? null : Math.min(...renewed.map(({ due_in_ms }) => due_in_ms));
    });
  }

  /** The net below; returns the lanes that it caught. */
  async markUnmarked(tx: Tx): Promise<{ queue: string; lane: string }[]> {
    return tx.query<{ queue: string; lane: string }>(MARK_UNMARKED);
  }
}
