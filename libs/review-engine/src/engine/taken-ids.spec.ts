import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TakenIds } from './taken-ids.js';

const RUNS = { numRuns: Number(process.env.ASSAY_PROPERTY_RUNS ?? 500) };

describe('TakenIds', () => {
  it.each([
    [['F1', 'F2', 'F9', 'F10', 'F11'], []],
    [['F1', 'F2', 'F2'], [2]],
    [
      ['F2', 'F1', 'F2', 'F1', 'F3'],
      [2, 3],
    ],
    [['F10', 'F9', 'F11', 'F10'], [3]],
    [
      ['\ud800', '\ud800', '\u0000', '\u0000'],
      [1, 3],
    ],
  ])('VAL-4.g finds in %j those that come again', (ids, again) => {
    const taken = new TakenIds();
    expect(ids.flatMap((id, index) => (taken.take(id) ? [] : [index]))).toEqual(again);
  });

  it('VAL-4.g takes each id once, whatever their order', () => {
    const ids = fc.array(fc.oneof(fc.nat(30).map(String), fc.string({ minLength: 1, maxLength: 2, unit: 'binary' })));
    fc.assert(
      fc.property(ids, (given) => {
        const taken = new TakenIds();
        const first = given.map((id) => taken.take(id));
        expect(first).toEqual(given.map((id, index) => given.indexOf(id) === index));
      }),
      RUNS,
    );
  });
});
