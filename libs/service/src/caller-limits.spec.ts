import { describe, expect, it } from '@jest/globals';
import { CallerLimits } from './caller-limits.js';
import { Refusal } from './refusal.js';

const LIMITS = { rate: { per_s: 100, burst: 200 }, concurrency: 10_000 };

/** After how many seconds each of so many is told to come again that were not let in. */
function refusals(limits: CallerLimits, asked: number, caller = 'acme'): number[] {
  return Array.from({ length: asked }).flatMap(() => {
    const answer = limits.admit(caller);
    if (answer instanceof Refusal) return [answer.again_in_s];
    answer();
    return [];
  });
}

describe('CallerLimits', () => {
  it('tells those that it refuses to come one after the other, as the rate will let them in', () => {
    let now_ms = 5_000;
    const limits = new CallerLimits(LIMITS, () => now_ms);
    const told = refusals(limits, 3_000);
    expect(told).toHaveLength(2_800);
    const by_second = Array.from({ length: 28 }, (_, s) => told.filter((each) => each === s + 1).length);
    for (const count of by_second) expect(Math.abs(count - 100)).toBeLessThanOrEqual(1);
    for (let second = 1; second <= 28; second += 1) {
      now_ms += 1_000;
      expect(refusals(limits, 100)).toEqual([]);
    }
  });

  it('tells nobody to stay away for longer than a minute, and other callers nothing of it', () => {
    const limits = new CallerLimits(LIMITS, () => 5_000);
    expect(Math.max(...refusals(limits, 10_000))).toBe(60);
    expect(refusals(limits, 200, 'other')).toEqual([]);
  });
});
