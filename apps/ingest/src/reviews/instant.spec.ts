import { describe, expect, it } from '@jest/globals';
import { instantFrom } from './instant.js';

describe('instantFrom', () => {
  it.each([
    ['2026-11-23T23:50:00Z', '2026-11-23T23:50:00.000Z'],
    ['2026-11-23T23:50:00.123456Z', '2026-11-23T23:50:00.123Z'],
    ['2026-11-23T23:50:00+02:00', '2026-11-23T21:50:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('ING-8.d reads %s as %s', (text, instant) => {
    expect(instantFrom(text)).toBe(instant);
  });

  it.each([
    '',
    'yesterday',
    '2026-11-23',
    '2026-W05-1',
    '2026-02-30T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-11-23T24:60:00Z',
    '2026-11-23T23:59:60Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+23:00',
    '9999-12-31T23:59:59-23:00',
    '2026-11-23T23:50:00',
  ])('ING-10.a takes %j for no time', (text) => {
    expect(instantFrom(text)).toBeNull();
  });
});
