import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fiveAttempts, fullJitterMs, IDLE_BACKOFF, retryWaitMs } from './backoff.js';

describe('backoff', () => {
  it('WQ-6.c draws a poll from the whole of [0, 250 ms × 2^(n−1)], never beyond 5 s', () => {
    const highest = [1, 2, 3, 4, 5, 6, 7, 40].map((round) => fullJitterMs(round, IDLE_BACKOFF, () => 1));
    expect(highest).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
    expect(fullJitterMs(3, IDLE_BACKOFF, () => 0)).toBe(0);
    expect(fullJitterMs(3, IDLE_BACKOFF, () => 0.5)).toBe(500);
  });

  it('DEL-8.a waits at most min(60 s, 1 s × 2^(attempt−1)) after an attempt', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, draw) => {
        const wait_ms = fullJitterMs(attempt, undefined, () => draw);
        expect(wait_ms).toBeGreaterThanOrEqual(0);
        expect(wait_ms).toBeLessThanOrEqual(Math.min(60_000, 1_000 * 2 ** (attempt - 1)));
      }),
    );
  });

  it('DEL-8.b waits as long as Retry-After asks when that is longer, up to 5 minutes', () => {
    expect(retryWaitMs(1, 7_000, undefined, () => 1)).toBe(7_000);
    expect(retryWaitMs(4, 7_000, undefined, () => 1)).toBe(8_000);
    expect(retryWaitMs(1, 3_600_000, undefined, () => 1)).toBe(300_000);
  });

  it('DLQ-2.a gives a stage five attempts', () => {
    const failure = { retry_after_ms: 7_000 };
    const waits = [1, 2, 3, 4, 5, 6].map((attempt) => fiveAttempts({ attempt, failure }));
    expect(waits.map((wait) => wait === null)).toEqual([false, false, false, false, true, true]);
    expect(waits[0]).toBe(7_000);
  });
});
