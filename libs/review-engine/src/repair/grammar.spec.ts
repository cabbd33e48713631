import { describe, expect, it } from '@jest/globals';
import { readText } from './read-text.js';

/** What the tokenizer says of a text, beside what `JSON.parse` would say of it: the answers alone show only the latter. */
const read = (text: string, tolerant = true) => readText(text, tolerant);
const codes = (text: string) => read(text).edits.map(({ code }) => code);

describe('the grammar of JSON', () => {
  it('VAL-16.a knows every form of value, and edits none', () => {
    for (const value of [
      ...['0', '-0', '7', '10', '-12.5', '0.25', '1.25e+10', '1E5', '9e-21', '2e0', 'true', 'false', 'null'],
      ...['""', '"a b"', '"\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u00e9abc \\uABCD9"', '[]', '{}', '[[], {}]'],
      ...['{"a":[],"b":{"c":null}}', ' [1 ,\t2\r\n] '],
    ]) {
      for (const text of [value, `[${value}]`, `{"a":${value}}`, `[${value},1]`]) {
        expect(() => void JSON.parse(text)).not.toThrow();
        expect({ text, ...read(text) }).toMatchObject({ fault: null, edits: [] });
        expect(read(text, false).fault).toBeNull();
      }
      expect(codes(`[${value},]`)).toEqual(['trailing_comma_removed']);
    }
  });

  it.each(['01', '1.', '1.e5', '1e', '1e+', '-', '-a', '1.2.3', '1.2x', '0x1', '9.9.', '--1', '1-', '1e5.5', '1a5'])(
    'VAL-17.a takes %s for no number',
    (text) => {
      const { fault } = read(`[${text}]`);
      const expected = /[ax]/.test(text) && text !== '-a' ? 'a comma or ]' : 'a number as JSON writes it';
      expect(fault).toMatchObject({ sub_reason: 'other', expected });
    },
  );

  it.each(['a', 'z', 'nul', 'nulll', 'truefalse', 'xtrue', 'undefined'])('VAL-17.a takes %s for no word', (text) => {
    const expected = 'a value: of words JSON knows true, false and null';
    expect(read(`{"a":${text}}`).fault).toMatchObject({ at: 5, sub_reason: 'other', expected });
  });

  it.each<[string, number, string, string?]>([
    ['[}', 1, 'a value or ]'],
    ['[1,}', 3, 'a value'],
    ['{"a":]', 5, 'a value'],
    ['{"a":}', 5, 'a value'],
    ['{1', 1, 'a name in double quotes or }'],
    ['{]', 1, 'a name in double quotes or }'],
    ['{"a":1,2', 7, 'a name in double quotes'],
    ['{"a":1,]', 7, 'a name in double quotes'],
    ['{"a" 1', 5, 'a colon behind the name'],
    ['{"a";1}', 4, 'a colon behind the name'],
    ['{"a":1 "b"', 7, 'a comma or }'],
    ['{"a":1]', 6, 'a comma or }'],
    ['[1 2', 3, 'a comma or ]'],
    ['[1}', 2, 'a comma or ]'],
    ['[A', 1, 'a value or ]'],
    ['[{', 2, 'a name in double quotes or }', 'truncated'],
    ['[', 1, 'a value or ]', 'truncated'],
    ['[1,', 3, 'a value', 'truncated'],
    ['{"a"', 4, 'a colon behind the name', 'truncated'],
    ['{"a":1', 6, 'the rest of the value', 'truncated'],
    ['{"a":1 ', 7, 'a comma or }', 'truncated'],
    ['{"a":1,', 7, 'a name in double quotes', 'truncated'],
    ['["a', 3, 'the rest of a string and its closing quote', 'truncated'],
    ['"a', 2, 'the rest of a string and its closing quote', 'truncated'],
    ['["\\u00', 6, 'the rest of a string and its closing quote', 'truncated'],
    ['["a\\', 4, 'the rest of a string and its closing quote', 'truncated'],
    ['["\\u00x9"]', 2, 'four hexadecimal digits after \\u, or \\\\ for a backslash itself'],
    ["['a']", 1, 'a value or ]', 'single_quotes'],
    ["[1,'a']", 3, 'a value', 'single_quotes'],
    ["{'a':1}", 1, 'a name in double quotes or }', 'single_quotes'],
    ['{"a":1,\'b\':2}', 7, 'a name in double quotes', 'single_quotes'],
    ['{"a":\'b\'}', 5, 'a value', 'single_quotes'],
    ["[1'a']", 2, 'a comma or ]'],
    ['[1\u00a02]', 2, 'a comma or ], without white space that JSON does not know'],
    ['[1\u000b2]', 2, 'a comma or ]'],
    ['[\u2003]', 1, 'a value or ], without white space that JSON does not know'],
  ])('VAL-17.a says of %j that at %d it needs %s', (text, at, expected, sub_reason = 'other') => {
    expect(read(text).fault).toMatchObject({ at, expected, sub_reason });
  });

  it('VAL-17.a asks for an object where there is nothing, or nothing that begins a value', () => {
    expect(read('').fault).toMatchObject({ sub_reason: 'empty', expected: 'a JSON object' });
    expect(read('?').fault).toMatchObject({ at: 0, sub_reason: 'other', expected: 'a JSON object' });
  });

  it.each(['["x]', '[["x] ]', '{"a":["x ] \n }', '{"a":{"b":["x"],"c":"y}}', '[{"a":"x} \t\n ]'])(
    'VAL-17.b finds the closing quote forgotten in %j, where its brackets all stand',
    (text) => {
      const start = text.search(/"[xy](?!")/);
      const expected = 'a string that ends: its closing quote is missing, or the answer was cut off in it';
      expect(read(text).fault).toMatchObject({ at: start, sub_reason: 'other', expected });
    },
  );

  it.each(['{"a":["x}]', '[["x]', '[{"a":"x]}', '{"a":["x} ]'])(
    'VAL-17.b finds %j cut off: a bracket is missing',
    (text) => {
      expect(read(text).fault).toMatchObject({ at: text.length, sub_reason: 'truncated' });
    },
  );
});

describe('a reading without edits', () => {
  it.each<[string, number, string]>([
    ['["a\nb\nc"]', 3, 'this character as an escape'],
    ['["\\d \\e"]', 2, '\\\\ for a backslash itself'],
    ['[1,]', 2, 'no comma before the closing bracket'],
    ['{"a":1 , }', 7, 'no comma before the closing bracket'],
  ])('VAL-15.a VAL-17.a stops in %j at the first place that would need one', (text, at, expected) => {
    expect(read(text, false)).toMatchObject({ edits: [], fault: { at, expected, sub_reason: 'other' } });
    expect(read(text).fault).toBeNull();
  });
});

describe('what was read of the top level', () => {
  const membersOf = (text: string) =>
    Object.fromEntries([...read(text).tokens.members].map(([name, { start, end }]) => [name, text.slice(start, end)]));

  it('VAL-16.i knows its members by their whole values, and no nested ones', () => {
    const text = '{"a":[1,{"b":[2]}], "c" : {"a":{"d":3}}, "e":"x", "e":-1.5}';
    expect(membersOf(text)).toEqual({ '"a"': '[1,{"b":[2]}]', '"c"': '{"a":{"d":3}}', '"e"': '-1.5' });
    expect(read(text).tokens.last_member).toBe(text.length - 1);
    expect([membersOf('[{"a":1},2]'), membersOf('"a"'), membersOf('{"a":[1,')]).toEqual([{}, {}, {}]);
  });

  it('VAL-16.i knows the list of findings, and no other of that name', () => {
    const findings = (text: string) => read(text).tokens.findings;
    for (const text of [
      '{"other":[{}]}',
      '{"findings":{"findings":[{}]}}',
      '[{"findings":[{}]}]',
      '{"other":{"findings":[{}]}}',
      '{"findings":"[]"}',
    ]) {
      expect(findings(text)).toBeNull();
    }
    const cut = '{"findings":[{"a":{}},[{}],{"b":[{}]},7,{"c":[{}';
    expect(findings(cut)).toEqual({ start: 13, last: cut.indexOf(',7'), whole: false });
    const odd = '{"findings":[{"a":1},[2],7,{"id';
    expect(findings(odd)).toEqual({ start: 13, last: odd.indexOf(',[2]'), whole: false });
    expect(findings('{"findings":[{}],"meta":[{}]}')).toEqual({ start: 13, last: 15, whole: true });
    expect(findings('{"findings":[')).toEqual({ start: 13, last: 13, whole: false });
  });
});
