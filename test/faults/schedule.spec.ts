import { describe, expect, it } from '@jest/globals';
import { drawSchedule } from './schedule.js';

const LEASE_MS = 2_000;
const CONNECTION_KINDS = ['commit_cut', 'black_hole', 'slow_database', 'flapping'];

describe('the schedule of a day', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(drawSchedule(7, 3_000, LEASE_MS)).toEqual(drawSchedule(7, 3_000, LEASE_MS));
    expect(drawSchedule(7, 3_000, LEASE_MS)).not.toEqual(drawSchedule(8, 3_000, LEASE_MS));
  });

  it('knows every kind of fault on a long day, and no fewer than eight on a short one', () => {
    const kindsOf = (submissions: number): string[] =>
      drawSchedule(7, submissions, LEASE_MS).volleys.flatMap(({ faults }) => faults.map(({ kind }) => kind));
    expect(new Set(kindsOf(3_000)).size).toBe(27);
    expect(kindsOf(60)).toHaveLength(8);
  });

  it('has as many faults as are asked for', () => {
    const { volleys } = drawSchedule(7, 10_000, LEASE_MS, 100);
    expect(volleys.flatMap(({ faults }) => faults)).toHaveLength(100);
  });

  it('hits connections for a time, any service, and cuts before and after COMMIT', () => {
    const faults = drawSchedule(7, 100_000, LEASE_MS).volleys.flatMap((volley) => volley.faults);
    const cuts = faults.filter((fault) => fault.kind === 'commit_cut');
    expect(new Set(cuts.map(({ service }) => service)).size).toBe(4);
    expect(new Set(cuts.map(({ before }) => before))).toEqual(new Set([true, false]));
    expect(new Set(cuts.map(({ one_in }) => one_in))).toEqual(new Set([2, 3, 4, 5, 6]));
    for (const fault of faults) {
      if (!('lasts_ms' in fault) || fault.kind === 'freeze') continue;
      const longest_ms = CONNECTION_KINDS.includes(fault.kind) ? 8_000 : 12_000;
      expect(fault.lasts_ms).toBeGreaterThanOrEqual(2_000);
      expect(fault.lasts_ms).toBeLessThanOrEqual(longest_ms);
    }
  });

  it('falls amid the submissions, in order, and freezes for longer than a lease', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { volleys } = drawSchedule(seed, 500, LEASE_MS);
      const at = volleys.map(({ at_accepted }) => at_accepted);
      expect(at).toEqual([...at].sort((a, b) => a - b));
      expect(at.at(-1)).toBeLessThan(500);
      for (const fault of volleys.flatMap(({ faults }) => faults)) {
        if (fault.kind === 'freeze') expect(fault.lasts_ms).toBeGreaterThan(LEASE_MS);
      }
    }
  });
});
