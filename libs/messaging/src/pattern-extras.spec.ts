import { describe, expect, it } from '@jest/globals';
import { ONLY_REPLAYED } from './pattern-extras.js';

const wants = (ce_id: string) => ONLY_REPLAYED.wants!({ ce_id: Buffer.from(ce_id) });

describe('what only replays bring about', () => {
  it('DLQ-9.a is known by the generation in the id, whatever the subject is made of', () => {
    expect(wants('0192f0c1-2222-7000-8000-00000000000a:0:3:review.validated')).toBe(false);
    expect(wants('0192f0c1-2222-7000-8000-00000000000a:1:3:review.validated')).toBe(true);
    expect(wants('a:0:b:10:3:review.validated')).toBe(true);
    expect(wants('a:1:b:0:3:review.validated')).toBe(false);
  });

  it('DLQ-4.a is decoded, and then parked, where there is no such id', () => {
    expect(ONLY_REPLAYED.wants!(undefined)).toBe(true);
    expect(ONLY_REPLAYED.wants!({})).toBe(true);
    expect(wants('nonsense')).toBe(true);
  });
});
