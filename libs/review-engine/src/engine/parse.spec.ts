import { describe, expect, it } from '@jest/globals';
import { compileReading, DEFAULT_READING } from '../reading.js';
import { parseReview } from './parse.js';

const strict = compileReading({ ...DEFAULT_READING, reading: 'strict' });
const lenient = compileReading(DEFAULT_READING);

describe('parseReview', () => {
  it.each([
    ['', 'empty', 'a JSON object'],
    [' \n', 'empty', 'a JSON object'],
    ['```json\n{}\n```', 'code_fence', 'a JSON object without a code fence around it'],
    ['  ```\n{}', 'code_fence', 'a JSON object without a code fence around it'],
    ['Here it is: {"a": 1}', 'text_around_json', 'the { of a JSON object, without text before it'],
    ['{"a": 1} I hope this helps', 'text_around_json', 'the end, without anything behind the document'],
    ['{"a": 1', 'truncated', 'the rest of the value'],
    [' {"a": 1,} ', 'other', 'no comma before the closing bracket'],
  ])('VAL-2.a says of %j that it is %s and should be %s', (raw, sub_reason, expected) => {
    for (const input of [{ raw }, { raw: Buffer.from(raw) }]) {
      expect(parseReview(input, strict)).toEqual({
        kind: 'not_json',
        explanation: expect.objectContaining({ sub_reason, expected }),
      });
    }
  });

  it('VAL-2.a says of bytes that they should be UTF-8', () => {
    expect(parseReview({ raw: Buffer.from([0x22, 0xe9, 0x22]) }, strict)).toMatchObject({
      kind: 'not_json',
      explanation: { sub_reason: 'not_utf8', expected: 'UTF-8 text', offset: 1, found: 'byte 0xe9' },
    });
  });

  it('VAL-12.f reads bytes, text and documents alike', () => {
    for (const value of [{ a: 1 }, { a: 'é€😀' }, ['\u0000'], 'x', 7, null]) {
      const text = JSON.stringify(value);
      for (const input of [{ raw: text }, { raw: Buffer.from(text) }, { document: value }]) {
        for (const reading of [strict, lenient]) {
          expect(parseReview(input, reading)).toMatchObject({ kind: 'json', value, edits: [], truncated: null });
        }
      }
    }
  });
});
