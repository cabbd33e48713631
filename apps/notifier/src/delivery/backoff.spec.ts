import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { deliveryBackoffMs } from './backoff.js';

const none = {};

describe('deliveryBackoffMs', () => {
  it('DEL-8.a draws from zero up to one second doubled with every attempt, at most a minute', () => {
    const almostOne = () => 1 - Number.EPSILON;
    const longest = [1, 2, 3, 4, 5, 6, 7, 8, 60].map((attempt) =>
      deliveryBackoffMs(attempt, none, undefined, almostOne),
    );
    expect(longest).toEqual([999, 1999, 3999, 7999, 15999, 31999, 59999, 59999, 59999]);
    expect(deliveryBackoffMs(5, none, undefined, () => 0)).toBe(0);
  });

  it('DEL-8.a never leaves its range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, r) => {
          const wait_ms = deliveryBackoffMs(attempt, none, undefined, () => r);
          expect(wait_ms).toBeGreaterThanOrEqual(0);
          expect(wait_ms).toBeLessThanOrEqual(Math.min(60_000, 1_000 * 2 ** (attempt - 1)));
        },
      ),
    );
  });

  it('DEL-8.b waits as long as Retry-After asks when that is longer than the jitter', () => {
    expect(deliveryBackoffMs(1, { retry_after_ms: 20_000 }, undefined, () => 0.5)).toBe(20_000);
    expect(deliveryBackoffMs(7, { retry_after_ms: 1_000 }, undefined, () => 0.5)).toBe(30_000);
  });

  it('DEL-8.b caps what Retry-After asks at five minutes', () => {
    expect(deliveryBackoffMs(1, { retry_after_ms: 86_400_000 }, undefined, () => 0)).toBe(300_000);
  });
});
