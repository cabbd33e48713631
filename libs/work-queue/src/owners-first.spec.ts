import { describe, expect, it } from '@jest/globals';
import { OwnersFirst } from './owners-first.js';

const LEASE_MS = 30_000;

/** Asks each second while Postgres is writable and away in turns; returns the seconds at which it did not defer. */
function sweepsAt(seconds: number, turns: { writable_s: number; away_s: number }): number[] {
  let now_ms = 0;
  const owners = new OwnersFirst(LEASE_MS, () => now_ms);
  const swept: number[] = [];
  for (let second = 1; second <= seconds; second += 1) {
    now_ms = second * 1_000;
    const place = (second - 1) % (turns.writable_s + turns.away_s);
    // The first outage comes first: a process that never met one defers for nobody.
    const writable_s = Math.max(0, place - turns.away_s + 1);
    if (!owners.defers(writable_s * 1_000)) swept.push(second);
  }
  return swept;
}

describe('OwnersFirst', () => {
  it('WQ-4.h lets owners renew for a lease after an outage, however long that was', () => {
    expect(sweepsAt(80, { away_s: 40, writable_s: 40 })).toEqual([70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80]);
  });

  it('WQ-4.h gives owners their time after the second of two outages, however long that was', () => {
    expect(sweepsAt(105, { away_s: 40, writable_s: 5 }).length).toBe(0);
  });

  it('WQ-4.h sweeps once Postgres has been writable for a lease in all, though its outages come and go', () => {
    const [first] = sweepsAt(300, { away_s: 5, writable_s: 5 });
    expect(first).toBe(60);
  });

  it('WQ-4.h defers for nobody where there was no outage', () => {
    expect(new OwnersFirst(LEASE_MS, () => 0).defers(Infinity)).toBe(false);
  });
});
