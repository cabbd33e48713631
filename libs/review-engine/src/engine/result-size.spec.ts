import { describe, expect, it } from '@jest/globals';
import { isLargerThan } from './result-size.js';
import { aFinding, aResult, judge } from './samples.js';

describe('isLargerThan', () => {
  it.each([['é€'], [Buffer.from('é€')]])('VAL-10.g takes raw output %j for as large as its UTF-8', (raw) => {
    expect([4, 5, 6].map((bytes) => isLargerThan({ raw }, bytes))).toEqual([true, false, false]);
  });

  const documents = [{}, { a: 1 }, { a: 1, b: null }, [], [true, -1.5], ['é', '"', '\u0000'], '\ud800', { 'é"': [{}] }];

  it.each(documents.map((document) => [document]))('VAL-10.g takes the document %j as compact JSON', (document) => {
    const bytes = Buffer.byteLength(JSON.stringify(document));
    expect(isLargerThan({ document }, bytes)).toBe(false);
    expect(isLargerThan({ document }, bytes - 1)).toBe(true);
  });

  it('VAL-10.g does not measure a document that was read from less than the limit', () => {
    const document = { text: 'x'.repeat(100) };
    expect(isLargerThan({ document, read_from_bytes: 100 }, 100)).toBe(false);
    expect(isLargerThan({ document, read_from_bytes: 101 }, 100)).toBe(true);
  });
});

describe('a review result over the limit', () => {
  const policy = { limits: { max_result_bytes: 400 } };
  const ofBytes = (bytes: number) => {
    const result = aResult({ findings: [aFinding()], meta: { text: '' } });
    result['meta'] = { text: 'x'.repeat(bytes - JSON.stringify(result).length) };
    return result;
  };

  it('VAL-10.g is rejected before anything of it is read, as text, bytes or document', () => {
    const large = ofBytes(401);
    for (const review of [large, JSON.stringify(large), Buffer.from(JSON.stringify(large)), '{'.repeat(401)]) {
      expect(judge(review, { policy })).toEqual({
        outcome: 'rejected',
        versions: {
          schema_version: null,
          read_as: null,
          prompt_version: null,
          schema_verdict: null,
          prompt_verdict: null,
        },
        rejection: { class: 'LIMIT_EXCEEDED', code: 'limit_exceeded' },
        reading: 'strict',
        explanation: {
          sub_reason: 'other',
          cure: expect.stringContaining('split the review'),
          offset: null,
          line: null,
          column: null,
          found: null,
          expected: 'at most 400 bytes in all',
        },
        truncated: false,
        lines_defaulted: [],
        result: null,
        counts: { submitted: 0, kept: 0, dropped: 0, coerced: 0, by_code: { limit_exceeded: 1 } },
        diagnostics: [
          {
            code: 'limit_exceeded',
            kind: 'rejection',
            finding_id: null,
            finding_index: null,
            field: null,
            pointer: '',
            from: null,
            to: null,
            file: null,
            line: null,
            expected: 'at most 400 bytes in all',
          },
        ],
        unchanged: false,
      });
    }
  });

  it('VAL-10.g is not one that just fits', () => {
    const fits = ofBytes(400);
    for (const review of [fits, JSON.stringify(fits)]) expect(judge(review, { policy }).outcome).toBe('accepted');
    expect(judge({ ...fits, meta: { text: 'x'.repeat(2 * 1024 * 1024 - 300) } }).outcome).toBe('accepted');
    expect(judge({ ...fits, meta: { text: 'x'.repeat(2 * 1024 * 1024) } }).rejection?.code).toBe('limit_exceeded');
  });
});
