import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { retryInMs, SCHEDULE } from './schedule.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const none = {};

function wait(attempt: number, random: () => number, over: { retry_after_ms?: number; elapsed_ms?: number } = {}) {
  const { elapsed_ms = 0, ...failure } = over;
  return retryInMs(SCHEDULE, { attempt, elapsed_ms, failure }, random)!;
}

describe('the schedule of deliveries', () => {
  it('DEL-8.a draws from zero up to one second doubled with every quick attempt, at most a minute', () => {
    expect([1, 2, 3, 4].map((attempt) => wait(attempt, () => 1))).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(wait(4, () => 0)).toBe(0);
    const longer = { ...SCHEDULE, quick_attempts: 100 };
    expect(retryInMs(longer, { attempt: 60, elapsed_ms: 0, failure: none }, () => 1)).toBe(MINUTE);
  });

  it('DEL-8.c is quick after the first four failures, and patient from the fifth on', () => {
    expect(wait(4, () => 1)).toBe(8_000);
    expect(wait(5, () => 0)).toBe(4 * MINUTE);
  });

  it('DEL-8.f waits patiently from 5 minutes, times 2, at most 2 hours', () => {
    const middle = [5, 6, 7, 8, 9].map((attempt) => wait(attempt, () => 0.5));
    expect(middle).toEqual([5, 10, 20, 40, 80].map((minutes) => minutes * MINUTE));
    expect(wait(10, () => 1)).toBe(2 * HOUR);
    expect(wait(2_000, () => 1)).toBe(2 * HOUR);
  });

  it('DEL-8.f spreads patient waits by 20 % to both sides, and never beyond the cap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 2_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, draw) => {
        const middle = Math.min(2 * HOUR, 5 * MINUTE * 2 ** (attempt - 5));
        const ms = wait(attempt, () => draw);
        expect(ms).toBeGreaterThanOrEqual(middle * 0.8 - 1);
        expect(ms).toBeLessThanOrEqual(Math.min(middle * 1.2, 2 * HOUR) + 1);
      }),
    );
    expect([wait(5, () => 0), wait(5, () => 1)]).toEqual([4 * MINUTE, 6 * MINUTE]);
    expect([wait(20, () => 0), wait(20, () => 1)]).toEqual([96 * MINUTE, 120 * MINUTE]);
  });

  it('DEL-8.b waits as long as Retry-After asks when that is longer than the jitter', () => {
    expect(wait(1, () => 0.5, { retry_after_ms: 20_000 })).toBe(20_000);
    expect(wait(4, () => 0.5, { retry_after_ms: 1_000 })).toBe(4_000);
    expect(wait(5, () => 0.5, { retry_after_ms: HOUR })).toBe(HOUR);
  });

  it('DEL-8.b caps what Retry-After asks at 5 minutes in the quick and at 2 hours in the patient phase', () => {
    expect(wait(1, () => 0, { retry_after_ms: DAY })).toBe(5 * MINUTE);
    expect(wait(4, () => 0, { retry_after_ms: DAY })).toBe(5 * MINUTE);
    expect(wait(5, () => 0, { retry_after_ms: DAY })).toBe(2 * HOUR);
  });

  it('ends after the attempt that failed a day after the first, and has one more made by then', () => {
    expect(retryInMs(SCHEDULE, { attempt: 20, elapsed_ms: DAY, failure: none })).toBeNull();
    expect(wait(20, () => 1, { elapsed_ms: DAY - MINUTE })).toBe(MINUTE);
    expect(wait(20, () => 1, { elapsed_ms: DAY - 0.25 })).toBe(1);
  });

  it('DEL-8.b keeps to what the receiver asked for before the last attempt, too', () => {
    expect(wait(20, () => 0, { elapsed_ms: DAY - MINUTE, retry_after_ms: HOUR })).toBe(HOUR);
  });
});
