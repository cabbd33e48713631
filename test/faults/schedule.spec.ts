import { describe, expect, it } from '@jest/globals';
import { drawSchedule } from './schedule.js';

const LEASE_MS = 2_000;

describe('the schedule of a day', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(drawSchedule(7, 3_000, LEASE_MS)).toEqual(drawSchedule(7, 3_000, LEASE_MS));
    expect(drawSchedule(7, 3_000, LEASE_MS)).not.toEqual(drawSchedule(8, 3_000, LEASE_MS));
  });

  it('knows every kind of fault on a long day, and no fewer than eight on a short one', () => {
    const kindsOf = (submissions: number): string[] =>
      drawSchedule(7, submissions, LEASE_MS).volleys.flatMap(({ faults }) => faults.map(({ kind }) => kind));
    expect(new Set(kindsOf(3_000)).size).toBe(11);
    expect(kindsOf(60)).toHaveLength(8);
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
