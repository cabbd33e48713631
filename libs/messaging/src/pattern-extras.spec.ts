import { describe, expect, it } from '@jest/globals';
import { beyond } from './pattern-extras.js';

const { wants } = beyond({ generation: 0, revision: 2 });
const wanted = (ce_id: string) => wants!({ ce_id: Buffer.from(ce_id) });
const SUBJECT = '0192f0c1-2222-7000-8000-00000000000a';

describe('what is beyond the usual', () => {
  it('is known by the generation in the id, whatever the subject is made of', () => {
    expect(wanted(`${SUBJECT}:0:2:review.settled`)).toBe(false);
    expect(wanted(`${SUBJECT}:1:2:review.settled`)).toBe(true);
    expect(wanted('a:0:b:10:2:review.settled')).toBe(true);
    expect(wanted('a:1:b:0:2:review.settled')).toBe(false);
  });

  it('ING-11.d is known by the revision in it, too', () => {
    expect(wanted(`${SUBJECT}:0:3:review.settled`)).toBe(true);
    expect(wanted(`${SUBJECT}:0:1:review.settled`)).toBe(false);
  });

  it('DLQ-4.d is decoded, and then parked, where there is no such id', () => {
    expect(wants!(undefined)).toBe(true);
    expect(wants!({})).toBe(true);
    expect(wanted('nonsense')).toBe(true);
  });
});
