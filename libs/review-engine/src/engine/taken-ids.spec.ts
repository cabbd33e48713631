import { describe, expect, it } from '@jest/globals';
import { TakenIds } from './taken-ids.js';

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
});
