import { describe, expect, it } from '@jest/globals';
import { Rate } from './rate.js';

/** How many of `asked` go at once. */
function going(rate: Rate, asked: number): number {
  let gone = 0;
  for (let n = 0; n < asked; n += 1) {
    if (rate.waitMs() > 0) continue;
    rate.take();
    gone += 1;
  }
  return gone;
}

describe('Rate', () => {
  it('DEL-9.b lets a second’s worth go at once, then as many as time has passed for', () => {
    let now_ms = 1_000_000;
    const rate = new Rate({ per_s: 10, burst: 10 }, () => now_ms);
    expect(going(rate, 50)).toBe(10);
    expect(rate.waitMs()).toBe(100);
    now_ms += 300;
    expect(going(rate, 50)).toBe(3);
    now_ms += 60_000;
    expect(going(rate, 50)).toBe(10);
  });

  it('lets a burst larger than a second’s worth go at once, and no more than the rate after it', () => {
    let now_ms = 1_000_000;
    const rate = new Rate({ per_s: 100, burst: 200 }, () => now_ms);
    expect(going(rate, 3_000)).toBe(200);
    expect(rate.waitMs()).toBe(10);
    now_ms += 1_000;
    expect(going(rate, 3_000)).toBe(100);
    now_ms += 500;
    expect(going(rate, 3_000)).toBe(50);
  });

  it('DEL-9.b counts nothing that was given back', () => {
    const rate = new Rate({ per_s: 2, burst: 2 }, () => 1_000_000);
    expect(going(rate, 5)).toBe(2);
    rate.giveBack();
    expect(going(rate, 5)).toBe(1);
  });

  it('DEL-9.b never holds anything back where no rate is set', () => {
    expect(going(new Rate(null), 1_000)).toBe(1_000);
  });
});
