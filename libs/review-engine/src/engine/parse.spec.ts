import { describe, expect, it } from '@jest/globals';
import { parseReview } from './parse.js';

describe('parseReview', () => {
  it.each([
    ['', 'a JSON document; nothing came'],
    [' \n', 'a JSON document; nothing came'],
    ['```json\n{}\n```', 'a JSON document alone, without a code fence around it'],
    ['  ```\n{}', 'a JSON document alone, without a code fence around it'],
    ['Here it is: {}', 'a JSON document alone, without text before it'],
    ['{"a": 1} I hope this helps', 'a whole JSON document, without text after it and not cut off'],
    ['{"a": 1', 'a whole JSON document, without text after it and not cut off'],
    [' {"a": 1,} ', 'a JSON document'],
  ])('VAL-2.a says of %j that it should be %s', (raw, reason) => {
    expect(parseReview({ raw })).toEqual({ kind: 'not_json', reason });
    expect(parseReview({ raw: Buffer.from(raw) })).toEqual({ kind: 'not_json', reason });
  });

  it('VAL-2.a says of bytes that they should be UTF-8', () => {
    expect(parseReview({ raw: Buffer.from([0x22, 0xe9, 0x22]) })).toEqual({ kind: 'not_json', reason: 'UTF-8 text' });
  });

  it('VAL-12.f reads bytes, text and documents alike', () => {
    for (const value of [{ a: 1 }, { a: 'é€😀' }, ['\u0000'], 'x', 7, null]) {
      const text = JSON.stringify(value);
      for (const input of [{ raw: text }, { raw: Buffer.from(text) }, { document: value }]) {
        expect(parseReview(input)).toEqual({ kind: 'json', value });
      }
    }
  });
});
