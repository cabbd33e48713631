import type { AuditEntry } from './entry.js';

/** The sealer's own entries: what stands before one in the log happened before it, or hardly later by another clock. */
export const TIME_MARK = 'audit.time_marked';

/** By how much the clocks of two database servers may differ. */
const CLOCK_TOLERANCE_MS = 60_000;

export interface TimeFault {
  code: 'back_dated' | 'post_dated';
  index: number;
  detail: string;
}

/**
 * Holds the times of entries against the marks between them. An entry comes late by what its way to the sealer took: one
 * that is older than the mark before it by more than that was written for another time than its own.
 */
export class TimeOrder {
  #mark_ms = -Infinity;
  #latest = { index: 0, time_ms: -Infinity };

  constructor(private readonly max_lateness_ms: number) {}

  see(index: number, { action, occurred_at }: Pick<AuditEntry, 'action' | 'occurred_at'>): TimeFault | null {
    const time_ms = Date.parse(occurred_at);
    if (time_ms < this.#mark_ms - this.max_lateness_ms) {
      return { code: 'back_dated', index, detail: `its time ${occurred_at} is long before the mark before it` };
    }
    if (action === TIME_MARK) return this.#pass(time_ms, occurred_at);
    if (time_ms > this.#latest.time_ms) this.#latest = { index, time_ms };
    return null;
  }

  #pass(time_ms: number, occurred_at: string): TimeFault | null {
    const { index, time_ms: latest_ms } = this.#latest;
    this.#mark_ms = Math.max(this.#mark_ms, time_ms);
    this.#latest = { index: 0, time_ms: -Infinity };
    if (latest_ms <= time_ms + CLOCK_TOLERANCE_MS) return null;
    return { code: 'post_dated', index, detail: `its time is after the mark ${occurred_at} that follows it` };
  }
}
