import type { Phase } from '../item.js';

/** What a claim returns of an item. */
export const ITEM_COLUMNS = `w.id, w.queue, w.lane, w.source, w.subject_id, w.generation, w.priority, w.phase, w.attempts,
  w.crashes, w.first_failure_at, w.correlation_id, w.traceparent, w.payload`;

/**
 * Ids of `candidate` (id, bytes of payload or null), in this order, for as long as their payloads come to no more than `max`
 * bytes; the first payload whatever its size, where it may go alone.
 */
export const withinBytes = (order: string, max: string, alone: string): string => `SELECT id FROM (
      SELECT id, bytes, sum(bytes) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING) AS so_far FROM candidate
    ) AS summed
    WHERE so_far IS NULL OR so_far <= ${max}::bigint OR (${alone}::bool AND so_far = bytes)`;

export interface ItemRow {
  id: string;
  queue: string;
  lane: string | null;
  source: string | null;
  subject_id: string;
  generation: number;
  priority: number;
  phase: Phase;
  attempts: number;
  crashes: number;
  first_failure_at: string | null;
  correlation_id: string;
  traceparent: string | null;
  payload: Buffer | null;
  /** Of two items of a claim, the lower goes first; of two with the same, the older id. */
  place: number;
}
