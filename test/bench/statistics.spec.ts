import { describe, expect, it } from '@jest/globals';
import { coveredMs, percentile, percentileOfTail } from './statistics.js';

const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

describe('percentiles', () => {
  it.each([
    [0.5, 50],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])('the value that a share of %d of 1 to 100 does not exceed is %d', (share, value) => {
    expect(percentile(upTo(100).reverse(), share)).toBe(value);
  });

  it('takes the only value, and refuses to make one up', () => {
    expect(percentile([7], 0.99)).toBe(7);
    expect(() => percentile([], 0.5)).toThrow('no values');
  });

  it('leaves the order of what it was given', () => {
    const values = [3, 1, 2];
    percentile(values, 0.5);
    expect(values).toEqual([3, 1, 2]);
  });

  it('are the same of the greatest values alone, as far as they reach', () => {
    const tail = upTo(100).slice(90);
    expect(percentileOfTail(tail, 100, 0.99)).toBe(percentile(upTo(100), 0.99));
    expect(percentileOfTail(tail, 100, 0.91)).toBe(91);
    expect(percentileOfTail(tail, 100, 0.9)).toBeNull();
    expect(percentileOfTail([], 100, 1)).toBeNull();
    expect(percentileOfTail([], 0, 0.5)).toBeNull();
  });

  it('count no fewer values than there are in the tail, whose counter may lag behind', () => {
    expect(percentileOfTail([1, 2, 3], 2, 1)).toBe(3);
  });
});

describe('what covers a span', () => {
  const span = { begun_at_ms: 100, took_ms: 50 };
  const of = (begun_at_ms: number, took_ms: number) => ({ begun_at_ms, took_ms });

  it.each([
    ['nothing', [], 0],
    ['what was before and after', [of(0, 100), of(150, 9)], 0],
    ['what reaches in from both sides', [of(90, 20), of(140, 30)], 20],
    ['what lies around it', [of(0, 1_000)], 50],
    ['two that overlap, once, in any order', [of(115, 10), of(110, 10)], 15],
    ['one within another, once', [of(110, 20), of(112, 2)], 20],
  ])('%s', (_what, spans, covered_ms) => {
    expect(coveredMs(spans, span)).toBe(covered_ms);
  });
});
