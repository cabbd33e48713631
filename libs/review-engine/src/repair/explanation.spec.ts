import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge, judgeLeniently } from '../engine/samples.js';

const compact = JSON.stringify(aResult());
const pretty = JSON.stringify(aResult(), null, 2);
const explanationOf = (raw: string | Buffer | object) => {
  const verdict = judgeLeniently(raw);
  expect(verdict.outcome).toBe('rejected');
  return verdict.explanation!;
};

describe('explained rejections', () => {
  it.each([
    ['', 'empty'],
    [' \n\t', 'empty'],
    ['\ufeff', 'empty'],
    ['\u00a0', 'empty'],
    ['```json\n```', 'empty'],
    [compact.slice(0, -1), 'truncated'],
    [compact.slice(0, -2), 'truncated'],
    [compact.slice(0, compact.indexOf('answer')), 'truncated'],
    [compact.slice(0, compact.indexOf('line') + 4), 'truncated'],
    [compact.slice(0, compact.indexOf('10,') + 1), 'truncated'],
    ['{', 'truncated'],
    ['{"a":tr', 'truncated'],
    ['{"a":"\\u00', 'truncated'],
    ['{"a":"\\', 'truncated'],
    [`[${JSON.stringify(aFinding())}, {"id": "F2", "mess`, 'truncated'],
    [`\`\`\`json\n${compact.slice(0, -20)}`, 'truncated'],
    [`Here is my review: ${compact}`, 'text_around_json'],
    [`Here is my review:\n\`\`\`json\n${compact}\n\`\`\``, 'text_around_json'],
    [`<think>Is {x} safe?</think>${compact}`, 'text_around_json'],
    [`[Note] the review: ${compact}`, 'text_around_json'],
    [`${compact}\nI hope this helps!`, 'text_around_json'],
    [`\`\`\`json\n${compact}\n\`\`\`\nDone.`, 'text_around_json'],
    [`${compact} {see above}`, 'text_around_json'],
    [`\`\`\`json\n${compact}`, 'code_fence'],
    [`${compact}\n\`\`\``, 'code_fence'],
    [`\`\`\`python\n${compact}\n\`\`\``, 'code_fence'],
    [`${compact}\n${compact}`, 'two_documents'],
    [`${compact}[1, 2`, 'two_documents'],
    [`\`\`\`json\n${compact}\n\`\`\`\n\`\`\`json\n${compact}\n\`\`\``, 'two_documents'],
    [`[${JSON.stringify(aFinding())}]`, 'list_instead_of_object'],
    ['[]', 'list_instead_of_object'],
    ["{'schema_version': '1.0'}", 'single_quotes'],
    [compact.replace('"high"', "'high'"), 'single_quotes'],
    ['{\u0000"\u0000', 'utf16'],
    ['I could not find anything.', 'other'],
    ['I could not review {x}.', 'other'],
    ["'tis fine", 'other'],
    ['null', 'other'],
    ['{schema_version: "1.0"}', 'other'],
    ['{"a":NaN}', 'other'],
    ['{"a":"say "hi" now"}', 'other'],
    ['{"a":"b}', 'other'],
    [`${compact}}`, 'other'],
    ['{"a":1,,"b":2}', 'other'],
    ['{"a":"\\u12 x"}', 'other'],
    [`${compact}\u00a0`, 'other'],
  ])('VAL-17.b names the sub-reason of %j: %s', (raw, sub_reason) => {
    expect(explanationOf(raw).sub_reason).toBe(sub_reason);
  });

  it('VAL-17.b tells UTF-16 and other encodings from UTF-8', () => {
    const utf16 = Buffer.from(compact, 'utf16le');
    expect(explanationOf(utf16)).toMatchObject({ sub_reason: 'utf16', offset: 0 });
    expect(explanationOf(Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])).sub_reason).toBe('utf16');
    expect(explanationOf(Buffer.concat([Buffer.from([0xfe, 0xff]), utf16.swap16()])).sub_reason).toBe('utf16');
    const latin = Buffer.concat([Buffer.from('{"ü\ufffd":"'), Buffer.from('ß"}', 'latin1')]);
    expect(explanationOf(latin)).toMatchObject({ sub_reason: 'not_utf8', offset: 10, line: 1, column: 8 });
  });

  it('VAL-17.a says offset, line, column, what stood there and what was expected', () => {
    const raw = pretty.replace('"id"', '"ü😀": 1, id');
    const before = raw.slice(0, raw.indexOf(' id') + 1);
    expect(explanationOf(raw)).toEqual({
      sub_reason: 'other',
      cure: expect.any(String),
      offset: Buffer.byteLength(before),
      line: 6,
      column: [...before.split('\n').at(-1)!].length + 1,
      found: 'i',
      expected: 'a name in double quotes',
    });
    expect(explanationOf('{"a":1\r\n"b":2}')).toMatchObject({ offset: 8, line: 2, column: 1, found: '"' });
    expect(explanationOf('{"a":1\r"b":2}')).toMatchObject({ offset: 7, line: 2, column: 1 });
    expect(explanationOf('{"a":')).toMatchObject({ offset: 5, found: 'the end', expected: 'a value' });
    expect(explanationOf('{"a":\u0007}')).toMatchObject({ found: 'U+0007' });
  });

  it('VAL-17.a shows no more than a character of what stood there: it may be half a secret', () => {
    expect(explanationOf('{"a":"password="hunter2""}')).toMatchObject({ found: 'h' });
  });

  it.each([
    [1, 'Write "1.0" as text, in quotes.'],
    [1.1, 'Write "1.1" as text, in quotes.'],
    ['v1.0.0', 'Write "1.0", without anything around the numbers.'],
    ['1', 'Write "1.0", without anything around the numbers.'],
    ['v1.1', 'Write "1.1", without anything around the numbers.'],
    ['2.0', 'Write "schema_version" as text, one of: 1.0, 1.1 (and newer minors of the same major).'],
    [null, 'Write "schema_version" as text, one of: 1.0, 1.1 (and newer minors of the same major).'],
    [undefined, 'Write "schema_version" as text, one of: 1.0, 1.1 (and newer minors of the same major).'],
  ])('VAL-17.c cures schema_version %j', (schema_version, cure) => {
    const raw = JSON.stringify(aResult({ schema_version }), null, 1);
    expect(explanationOf(raw)).toMatchObject({ sub_reason: 'version', cure });
    expect(explanationOf(aResult({ schema_version }))).toMatchObject({ sub_reason: 'version', cure, offset: null });
  });

  it.each([
    [1, 'Write "1.0" as text, in quotes.'],
    ['v1.0.0', 'Write "1.0", without anything around the numbers.'],
    ['3.1.4', 'Write "prompt_version" as text, one of: 1.0.0.'],
  ])('VAL-17.c cures prompt_version %j', (prompt_version, cure) => {
    expect(explanationOf(aResult({ prompt_version }))).toMatchObject({ sub_reason: 'version', cure });
  });

  it('VAL-17.a points to the member that a document is rejected for', () => {
    const raw = JSON.stringify(aResult({ schema_version: '9.0' }), null, 2);
    expect(explanationOf(raw)).toMatchObject({ line: 2, column: 21, found: '"9.0"' });
    expect(explanationOf(` ${JSON.stringify({ ...aResult(), findings: 5 })}`)).toMatchObject({ found: '5' });
    const nested = JSON.stringify({ schema_version: '1.0', meta: { findings: 1 }, prompt_version: '1.0.0' });
    expect(explanationOf(nested)).toMatchObject({ offset: 0, expected: 'the field findings' });
    const twice = '{"meta":{"schema_version":"1.0"},"schema\\u005fversion":"9.0","prompt_version":"1.0","findings":[]}';
    expect(explanationOf(twice)).toMatchObject({ found: '"9.0"', offset: 0 });
    const both = '{"meta":{"schema_version":"1.0"},"schema_version":"9.0","prompt_version":"1.0","findings":[]}';
    expect(explanationOf(both)).toMatchObject({ found: '"9.0"', offset: both.indexOf('"9.0"') });
    const large = { policy: { limits: { max_result_bytes: 10 } } };
    expect(judge(compact, large).explanation).toMatchObject({ sub_reason: 'other', offset: null });
  });

  it('VAL-17.d explains under the strict reading what the lenient one would mend', () => {
    expect(judge(`\`\`\`json\n${compact}\n\`\`\``).explanation).toMatchObject({ sub_reason: 'code_fence', offset: 0 });
    expect(judge(compact.replace('may', 'm\nay')).explanation).toMatchObject({ found: 'U+000A' });
    expect(judge(compact.replace('may', '\\d')).explanation).toMatchObject({ found: '\\' });
    expect(judge(compact.replace(/\}$/, ',}')).explanation).toMatchObject({ found: ',' });
  });

  it('VAL-17.d explains nothing that is not rejected', () => {
    expect(judgeLeniently(compact).explanation).toBeNull();
  });
});
