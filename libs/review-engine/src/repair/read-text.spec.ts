import { describe, expect, it } from '@jest/globals';
import { explain, versionCure } from './explanation.js';
import { edited, memberStart, readText } from './read-text.js';
import { wholePart } from './whole-part.js';
import { shownAt, SUB_REASONS } from './words.js';

const faultOf = (text: string) => readText(text, true).fault;
const mended = (text: string) => {
  const read = readText(text, true);
  expect(read.fault).toBeNull();
  return edited(text, read, read.end);
};

describe('what stands around a document', () => {
  it('VAL-16.b takes a fence off that has its document on the same line', () => {
    expect(mended('```json{"a":1}\n```').trim()).toBe('{"a":1}');
    expect(mended('``` [1]```')).toBe('[1]');
    const [edit] = readText(' ```json\n{}\n```', true).edits;
    expect(edit).toEqual({ code: 'code_fence_removed', at: 1, removed: 8, inserted: '' });
  });

  it.each<[string, number, string]>([
    ['```one two\n```json\n{}\n```', 0, 'a JSON object without a code fence around it'],
    ['```js\n{}\n```', 0, 'a JSON object without a code fence around it'],
    ['```json\n{}', 10, 'no code fence, or one that is closed'],
    ['{}\n```', 3, 'the end, without a code fence'],
  ])('VAL-16.b VAL-17.b takes no other fence off: %j', (text, at, expected) => {
    expect(faultOf(text)).toMatchObject({ at, expected, sub_reason: 'code_fence' });
  });

  it('VAL-16.b takes no fence off that ends with more than it began with', () => {
    expect(faultOf('```\n{}\n````')).not.toBeNull();
  });

  it('VAL-16.f edits behind a byte order mark', () => {
    expect(mended('\ufeff[1,]')).toBe('[1]');
    expect(readText('\ufeff[1,]', true).edits).toMatchObject([{ at: 3 }]);
    expect(faultOf('\ufeff')).toMatchObject({ sub_reason: 'empty' });
  });

  it.each([
    ['{x: {"a":1}}', 'other'],
    ['[[x, {"a":1}]]', 'other'],
    ['[1 2, {"a":1}]', 'other'],
    ['[{"a":1} x]', 'other'],
    ['\u00a0{"a":1}', 'other'],
    ['[see {"a":1}]', 'text_around_json'],
    ['Note {"a":1}', 'text_around_json'],
    ['```json\n{}\n```\n```python\nprint\n```', 'text_around_json'],
    ['```json\n{}\n```\nsee {"a":1} ```', 'text_around_json'],
    ['{"a":1} {"b":1,}', 'two_documents'],
    ['{"a":1} {see}', 'text_around_json'],
  ])('VAL-17.b says of %j: %s', (text, sub_reason) => {
    expect(faultOf(text)).toMatchObject({ sub_reason });
  });

  it('VAL-17.a asks for UTF-8 where every second character is none', () => {
    expect(faultOf('{\u0000"\u0000')).toMatchObject({ at: 0, sub_reason: 'utf16', expected: 'UTF-8 text' });
  });
});

describe('the place of a member', () => {
  it.each<[string, string, number | null]>([
    ['{"a":{"b":1},"b":2}', 'b', 17],
    ['{"x"  :  1}', 'x', 9],
    ['{"x":1}', 'x', 5],
    ['{ "x":"y","z":1}', 'y', null],
    ['{"": 1}', 'zz', null],
    ['{"a\\u0062":1}', 'ab', null],
    ['{"b":"b","b" : 3}', 'b', 15],
    ['{"a":"x\n","b":1,"c":"b",}', 'b', 14],
  ])('VAL-17.a finds in %j the value of %s', (text, name, at) => {
    expect(memberStart(text, name)).toBe(at);
  });
});

describe('the part that came whole', () => {
  const versions = '{"schema_version":"1.0","prompt_version":"1.0","findings":[{"id":"F1"}';

  it('VAL-16.i is nothing where the answer was not cut off', () => {
    for (const text of [`${versions}]}`, `${versions},,{"id"`, `${versions}}`]) {
      expect(wholePart(text, readText(text, true))).toBeNull();
    }
    expect(wholePart(`${versions},{"id"`, readText(`${versions},{"id"`, true))).toBe(`${versions}]}`);
  });
});

describe('what stands at a place', () => {
  it.each<[string, number, string]>([
    ['[NaN]', 1, 'NaN'],
    [`${' '.repeat(20)}Infinity`, 20, 'Infinity'],
    ['None', 0, 'None'],
    ['```', 0, '```'],
    ['xNaN', 0, 'x'],
    ['!', 0, '!'],
    [' ', 0, 'U+0020'],
    ['\t', 0, 'U+0009'],
    ['\u007f', 0, 'U+007F'],
    ['~', 0, '~'],
    ['\ud800', 0, 'U+D800'],
    ['\udfff', 0, 'U+DFFF'],
    ['\ue000', 0, '\ue000'],
    ['\u00a0', 0, 'U+00A0'],
    ['\ufeff', 0, 'U+FEFF'],
    ['\u{1f600}', 0, '\u{1f600}'],
    ['a', 1, 'the end'],
  ])('VAL-17.a shows of %j at %d no more than %s', (text, at, shown) => {
    expect(shownAt(text, at, text.length)).toBe(shown);
  });
});

describe('the cure', () => {
  const CURES: Record<(typeof SUB_REASONS)[number], RegExp> = {
    truncated: /was cut off: .*With truncated: keep_complete/,
    text_around_json: /without words before or after it/,
    code_fence: /without a code fence\..*one bare or json fence/,
    two_documents: /one JSON document that holds all findings/,
    list_instead_of_object: /Put the list into an object: .*"findings": \[…\]/,
    single_quotes: /in double quotes/,
    not_utf8: /^Write the answer as UTF-8\.$/,
    utf16: /as UTF-8; it came as UTF-16/,
    empty: /Nothing came/,
    version: /^as told$/,
    other: /^as told$/,
  };

  it.each(SUB_REASONS)('VAL-17.c of %s says what to do', (sub_reason) => {
    const facts = { sub_reason, found: null, expected: null };
    expect(explain(facts, 'abc', 1, 'as told').cure).toMatch(CURES[sub_reason]);
    expect(explain({ ...facts, sub_reason: 'other' }, 'abc', 1).cure).toContain('JSON library');
  });

  it('VAL-17.a names no place where there is no text or none is meant', () => {
    const facts = { sub_reason: 'other' as const, found: null, expected: null };
    const nowhere = { offset: null, line: null, column: null };
    expect([explain(facts, 'abc', null), explain(facts, null, 1)]).toMatchObject([nowhere, nowhere]);
    expect(explain(facts, 'a\nbc', 3)).toMatchObject({ offset: 3, line: 2, column: 2 });
  });

  it.each<[unknown, string, string]>([
    ['v10.20.30', '10.20.30', 'Write "10.20.30", without anything around the numbers.'],
    ['10.20.30', '10.20', 'Write "10.20", without anything around the numbers.'],
    [10.25, '10.25.0', 'Write "10.25.0" as text, in quotes.'],
    [' V 7 ', '7.0', 'Write "7.0", without anything around the numbers.'],
    ['x1.0', '1.0', 'Write "f" as text, one of: s.'],
    ['1.0x', '1.0', 'Write "f" as text, one of: s.'],
    ['1.0.0.0', '1.0', 'Write "f" as text, one of: s.'],
    [['1.0'], '1.0', 'Write "f" as text, one of: s.'],
    [true, '1.0', 'Write "f" as text, one of: s.'],
    ['2.0', '1.0', 'Write "f" as text, one of: s.'],
  ])('VAL-17.c of version %j, where %s is taken', (value, taken, cure) => {
    expect(versionCure('f', value, (text) => text === taken, 's')).toBe(cure);
  });
});
