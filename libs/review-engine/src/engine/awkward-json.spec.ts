import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge } from './samples.js';

describe('awkward JSON', () => {
  const raw = (finding: string) => `{"schema_version":"1.0","prompt_version":"1.0","findings":[${finding}]}`;
  const text = JSON.stringify(aFinding());

  it('VAL-12.f is not harmed by prototype keys', () => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      const verdict = judge(raw(text.replace('{', `{"${name}":{"polluted":true},`)));
      expect(verdict.diagnostics[0]).toMatchObject({ code: 'schema_mismatch', field: name });
      const kept = judge(raw(text.replace('{', `{"${name}":{"polluted":true},`)).replace('1.0', '1.9'));
      expect(kept.result?.findings).toEqual([aFinding()]);
      expect(Object.keys(kept.result!.findings[0]!)).not.toContain(name);
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    const meta = judge(`{"meta":{"__proto__":{"a":1}},${raw(text).slice(1)}`);
    expect(JSON.stringify(meta.result)).toContain('"__proto__":{"a":1}');
    expect(judge(`{"__proto__":{"findings":[]},${raw(text).slice(1)}`).rejection?.code).toBe('schema_mismatch');
    expect(judge('{"__proto__":{"schema_version":"1.0","prompt_version":"1.0","findings":[]}}').outcome).toBe(
      'rejected',
    );
  });

  it('VAL-12.f lets the last of duplicate keys win', () => {
    expect(judge(raw(text.replace('{', '{"line":"x","title":5,'))).diagnostics).toEqual([]);
    expect(judge(raw(text.replace(/}$/, ',"line":0}'))).diagnostics[0]!.code).toBe('invalid_line_range');
  });

  it('VAL-12.f takes a byte order mark for no part of the document', () => {
    expect(judge(`\ufeff${raw(text)}`).counts.kept).toBe(1);
    expect(judge(Buffer.from(`\ufeff${raw(text)}`)).counts.kept).toBe(1);
    expect(judge(`\ufeff\ufeff${raw(text)}`).rejection?.code).toBe('invalid_json');
  });

  it('VAL-12.f keeps lone surrogates and U+0000 as they are', () => {
    const finding = aFinding({ title: 'a\u0000b \ud800', message: '\udfff \u0000' });
    const verdict = judge(JSON.stringify(aResult({ findings: [finding] })));
    expect(verdict.diagnostics).toEqual([]);
    expect(verdict.result?.findings).toEqual([finding]);
  });

  it('VAL-12.f drops numbers that JavaScript cannot hold exactly', () => {
    for (const line of ['1e400', '9007199254740993', '1.5', '-1e400']) {
      expect(judge(raw(text.replace('"line":10', `"line":${line}`))).counts.dropped).toBe(1);
    }
  });
});
