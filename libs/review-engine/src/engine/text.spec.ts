import { describe, expect, it } from '@jest/globals';
import { characters, hasOuterWhiteSpace, integerOf, isLongerThan, preview } from './text.js';

const asItIs = (text: string) => text;

describe('hasOuterWhiteSpace', () => {
  it('VAL-3.a takes for white space what trim takes off, of all code units', () => {
    const wrong: number[] = [];
    for (let code = 0; code <= 0xffff; code++) {
      const character = String.fromCharCode(code);
      const expected = character.trim() === '';
      for (const text of [`${character}a`, `a${character}`, character]) {
        if (hasOuterWhiteSpace(text) !== expected) wrong.push(code);
      }
    }
    expect(wrong).toEqual([]);
    expect(hasOuterWhiteSpace('')).toBe(false);
    expect(hasOuterWhiteSpace('a b')).toBe(false);
  });
});

describe('isLongerThan', () => {
  it.each([
    ['', 0, false],
    ['abc', 3, false],
    ['abcd', 3, true],
    ['é', 1, true],
    ['é', 2, false],
    ['€€', 5, true],
    ['€€', 6, false],
    ['😀', 3, true],
    ['😀', 4, false],
    ['\ud800', 2, true],
    ['\ud800', 3, false],
  ])('VAL-10.b counts %j in bytes of UTF-8: longer than %i is %s', (text, max_bytes, expected) => {
    expect(isLongerThan(text, max_bytes)).toBe(expected);
  });
});

describe('characters', () => {
  it.each([
    '',
    'a',
    'é€',
    '😀',
    'a😀b',
    '😀😀',
    '\ud800',
    '\udc00',
    '\udc00\ud800',
    '\ud800\ud800\udc00',
    '\ud800\udc00\udc00',
  ])('CON-3.a counts %j in code points', (text) => {
    expect(characters(text)).toBe([...text].length);
  });

  it.each([
    [0xd7ff, 0xdc00],
    [0xd800, 0xdc00],
    [0xdbff, 0xdfff],
    [0xdc00, 0xdc00],
    [0xd800, 0xdbff],
    [0xd800, 0xe000],
    [0xe000, 0xdfff],
  ])('CON-3.a knows a surrogate pair by its bounds: %i %i', (first, second) => {
    const text = String.fromCharCode(first, second);
    expect(characters(text)).toBe([...text].length);
  });
});

describe('integerOf', () => {
  it.each([
    ['10', 10],
    [' 10 ', 10],
    ['007', 7],
    ['+5', 5],
    ['-5', -5],
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', null],
    ['-9007199254740992', null],
    ['10.0', null],
    ['1e1', null],
    ['0x10', null],
    ['-0', null],
    ['1 0', null],
    ['', null],
    ['+', null],
  ])('VAL-3.c reads %j as %j', (text, expected) => {
    expect(integerOf(text)).toBe(expected);
  });
});

describe('preview', () => {
  it('VAL-3.d cuts at 256 characters, and never between the halves of a pair', () => {
    expect(preview('x'.repeat(256), asItIs)).toBe('x'.repeat(256));
    expect(preview('x'.repeat(257), asItIs)).toBe('x'.repeat(256));
    for (const high of ['\ud800', '\udbff']) {
      expect(preview(`${'x'.repeat(255)}${high}\udc00y`, asItIs)).toBe('x'.repeat(255));
    }
    for (const whole of ['\ud7ff', '\udc00', '\udfff', '\ue000']) {
      expect(preview(`${'x'.repeat(255)}${whole}yy`, asItIs)).toBe(`${'x'.repeat(255)}${whole}`);
    }
  });

  it('VAL-3.d SEC-4.g shows the redactor 4,096 characters, before it cuts', () => {
    const seen: number[] = [];
    const redact = (text: string) => {
      seen.push(text.length);
      return text.replace('secret', '[redacted]');
    };
    expect(preview(`${'x'.repeat(253)}secret`, redact)).toBe(`${'x'.repeat(253)}[re`);
    preview('y'.repeat(10_000), redact);
    expect(seen).toEqual([259, 4_096]);
  });
});
