import { expect, it } from '@jest/globals';
import { instantFromText } from './types.js';

it.each([
  ['2026-11-23 22:15:34.123456+00', '2026-11-23T22:15:34.123Z'],
  ['2026-11-23 22:15:34.1+00', '2026-11-23T22:15:34.100Z'],
  ['2026-11-23 22:15:34+00', '2026-11-23T22:15:34.000Z'],
])('reads the instant %s as %s', (stored, expected) => {
  expect(instantFromText(stored)).toBe(expected);
});
