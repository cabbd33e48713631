import { describe, expect, it } from '@jest/globals';
import { ClaimFloors } from './claim-floors.js';

const START = Number.NEGATIVE_INFINITY;
let now_ms = 0;
const floors = () => new ClaimFloors(() => now_ms);

describe('where a claim begins to read', () => {
  it('WQ-7.c is the start at first, then what the worker took last of each priority', () => {
    const own = floors();
    expect(own.next()[3]).toBe(START);
    own.took([
      { priority: 3, due_s: 100, now_s: 500 },
      { priority: 3, due_s: 90, now_s: 500 },
    ]);
    expect(own.next().slice(2, 5)).toEqual([START, 100, START]);
  });

  it('WQ-7.c leaves out nothing of the last second, in which transactions may still commit', () => {
    const own = floors();
    own.next();
    own.took([{ priority: 3, due_s: 499.9, now_s: 500 }]);
    expect(own.next()[3]).toBe(499);
  });

  it('WQ-7.c is the start again after a second, or after twenty times of what that cost', () => {
    const own = floors();
    own.next();
    now_ms += 10;
    own.took([{ priority: 3, due_s: 100, now_s: 500 }]);
    now_ms += 989;
    expect([own.next()[3], own.wholeInMs]).toEqual([100, 1]);
    now_ms += 1;
    expect([own.next()[3], own.wholeInMs]).toEqual([START, null]);
    now_ms += 200;
    own.took([{ priority: 3, due_s: 200, now_s: 500 }]);
    now_ms += 3_799;
    expect([own.next()[3], own.wholeInMs]).toEqual([200, 1]);
    now_ms += 1;
    expect(own.next()[3]).toBe(START);
  });

  it('WQ-7.c is never so far off that a claim begins at the start less than once a minute', () => {
    const own = floors();
    own.next();
    now_ms += 30_000;
    own.took([{ priority: 3, due_s: 100, now_s: 500 }]);
    expect([own.next()[3], own.wholeInMs]).toEqual([100, 30_000]);
  });
});
