import { describe, expect, it } from '@jest/globals';
import { DIAGNOSTIC_KINDS, REASON_CODES } from '../reason-codes.js';
import { denySubmission } from './validate-review.js';
import { definePolicy } from '../policy.js';
import { aFinding, aResult, judge } from './samples.js';

/** A rejected response tells its one reason and nothing else. */
function rejectionOf(review: object | string | Buffer, options: Parameters<typeof judge>[1] = {}) {
  const verdict = judge(review, options);
  expect(verdict).toMatchObject({ outcome: 'rejected', result: null });
  expect(verdict.diagnostics).toHaveLength(1);
  expect(verdict.diagnostics[0]).toMatchObject({ kind: 'rejection', code: verdict.rejection!.code });
  expect(verdict.counts).toEqual({
    submitted: 0,
    kept: 0,
    dropped: 0,
    coerced: 0,
    by_code: { [verdict.rejection!.code]: 1 },
  });
  return { ...verdict.diagnostics[0]!, class: verdict.rejection!.class, versions: verdict.versions };
}

describe('rejections', () => {
  it.each([
    '',
    'not json',
    '{"schema_version": "1.0"',
    '```json\n{}\n```',
    '{} trailing',
    '{"a":1,}',
    'NaN',
    "{'a':1}",
  ])('VAL-2.a rejects %j, which is not JSON', (raw) => {
    expect(rejectionOf(raw)).toMatchObject({ class: 'INVALID_JSON', code: 'invalid_json', pointer: null });
  });

  it('VAL-2.a rejects bytes that are not UTF-8', () => {
    expect(rejectionOf(Buffer.from([0x7b, 0xff, 0x7d])).class).toBe('INVALID_JSON');
  });

  it.each(['null', '[]', '"text"', '7', 'true'])('VAL-2.a rejects %s, which is no object', (raw) => {
    expect(rejectionOf(raw)).toMatchObject({ class: 'SCHEMA_INVALID', code: 'invalid_type', pointer: '' });
  });

  it.each(['schema_version', 'prompt_version', 'findings'])('VAL-2.b rejects a response without %s', (field) => {
    const { [field]: _, ...result } = aResult();
    expect(rejectionOf(result)).toMatchObject({ class: 'SCHEMA_INVALID', code: 'missing_required_field', field });
  });

  it.each([
    ['schema_version', 1],
    ['prompt_version', null],
    ['findings', {}],
    ['findings', null],
    ['summary', 5],
    ['summary', null],
    ['meta', []],
    ['meta', 'x'],
    ['meta', null],
  ])('VAL-2.b rejects a response whose %s is %j', (field, value) => {
    expect(rejectionOf(aResult({ [field]: value }))).toMatchObject({
      class: 'SCHEMA_INVALID',
      code: 'invalid_type',
      field,
      pointer: `/${field}`,
    });
  });

  it('VAL-2.c VER-3.d rejects an unknown top-level field under exact', () => {
    expect(rejectionOf(aResult({ extra: 1 }))).toMatchObject({
      class: 'SCHEMA_INVALID',
      code: 'schema_mismatch',
      field: 'extra',
    });
  });

  it('VAL-2.d VAL-10.a rejects too many findings', () => {
    const findings = Array.from({ length: 4 }, (_, index) => aFinding({ id: `F${index}` }));
    const policy = { limits: { max_findings: 3 } };
    expect(rejectionOf(aResult({ findings }), { policy })).toMatchObject({
      class: 'LIMIT_EXCEEDED',
      code: 'limit_exceeded',
      pointer: '/findings',
    });
    expect(judge(aResult({ findings: findings.slice(1) }), { policy }).outcome).toBe('accepted');
  });

  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

  it('VAL-2.d VAL-10.a rejects nesting beyond 64 levels wherever it stands, and no less', () => {
    expect(judge(aResult({ meta: { deep: nested(62) } })).outcome).toBe('accepted');
    expect(rejectionOf(aResult({ meta: { deep: nested(63) } }))).toMatchObject({
      class: 'LIMIT_EXCEEDED',
      pointer: '/meta',
    });
    const odd = (value: unknown) => aResult({ findings: [aFinding(), value] });
    expect(judge(odd(aFinding({ id: nested(61) }))).outcome).toBe('accepted');
    for (const value of [aFinding({ id: nested(62) }), aFinding({ id: '', x: nested(62) }), nested(63)]) {
      expect(rejectionOf(odd(value))).toMatchObject({ code: 'limit_exceeded', pointer: '/findings/1' });
    }
    expect(rejectionOf(aResult({ schema_version: '1.7', x: nested(64) })).code).toBe('limit_exceeded');
  });

  it('VAL-10.c rejects an over-long summary', () => {
    expect(rejectionOf(aResult({ summary: 'x'.repeat(16 * 1024 + 1) }))).toMatchObject({
      code: 'limit_exceeded',
      field: 'summary',
    });
    expect(judge(aResult({ summary: `  ${'x'.repeat(16 * 1024)}  ` })).outcome).toBe('accepted');
  });

  it('VAL-1.a judges nothing that an earlier step refused', () => {
    const wrong = { schema_version: '2.0', prompt_version: '9.9', findings: 'none', extra: 1 };
    expect(rejectionOf(wrong)).toMatchObject({ code: 'incompatible_version', field: 'schema_version' });
    expect(rejectionOf({ ...wrong, schema_version: '1.0' })).toMatchObject({
      code: 'incompatible_version',
      field: 'prompt_version',
    });
    expect(rejectionOf(aResult({ findings: 'none', extra: 1 }))).toMatchObject({
      code: 'invalid_type',
      field: 'findings',
    });
    expect(rejectionOf(aResult({ findings: [{}], extra: 1 }))).toMatchObject({
      code: 'schema_mismatch',
      field: 'extra',
    });
  });

  it('VAL-7.c knows a verdict for changed files that are denied', () => {
    const verdict = denySubmission(['//depot/secret/a.c', '//depot/secret/b.c'], definePolicy());
    expect(verdict).toMatchObject({
      outcome: 'rejected',
      rejection: { class: 'POLICY_DENIED', code: 'path_not_allowed' },
      counts: { by_code: { path_not_allowed: 2 } },
    });
    expect(verdict.diagnostics.map(({ file }) => file)).toEqual(['//depot/secret/a.c', '//depot/secret/b.c']);
  });
});

describe('results without findings', () => {
  it('VAL-8.a goes on with an empty result and a warning when every finding was dropped', () => {
    const verdict = judge(aResult({ findings: [aFinding({ line: 0 }), 5] }));
    expect(verdict).toMatchObject({
      outcome: 'accepted',
      result: { findings: [] },
      counts: { submitted: 2, dropped: 2 },
    });
    expect(verdict.diagnostics.at(-1)).toMatchObject({ code: 'all_findings_dropped', kind: 'warning' });
  });

  it('VAL-8.b takes none submitted for a clean review', () => {
    const document = aResult({ findings: [] });
    const verdict = judge(document);
    expect(verdict).toMatchObject({ outcome: 'accepted', diagnostics: [], unchanged: true });
    expect(verdict.result).toBe(document);
  });
});

describe('diagnostics', () => {
  it('VAL-10.d keeps 1,000 and counts all', () => {
    const findings = Array.from({ length: 2_500 }, (_, index) => aFinding({ id: `F${index}`, severity: 'x' }));
    const verdict = judge(aResult({ findings }));
    expect(verdict.diagnostics).toHaveLength(1_000);
    expect(verdict.diagnostics.at(-1)!.code).toBe('all_findings_dropped');
    expect(verdict.counts).toMatchObject({
      dropped: 2_500,
      by_code: { invalid_enum_value: 2_500, all_findings_dropped: 1 },
    });
  });

  it('VAL-9.c describes every code that can be emitted, with kinds of the closed list', () => {
    for (const entry of Object.values(REASON_CODES)) {
      expect(entry.kinds).toContain(entry.kind);
      expect(DIAGNOSTIC_KINDS).toEqual(expect.arrayContaining([...entry.kinds]));
      for (const text of [entry.meaning, entry.remedy, entry.example.in, entry.example.out]) expect(text).not.toBe('');
    }
    expect(Object.keys(REASON_CODES)).toHaveLength(30);
  });

  it('VAL-3.d cuts names and ids from outside too', () => {
    const name = 'k'.repeat(5_000);
    const verdict = judge(aResult({ findings: [aFinding({ id: 'i'.repeat(900), [name]: 1 })] }));
    expect(verdict.diagnostics[0]).toMatchObject({ code: 'schema_mismatch', pointer: '/findings/0' });
    expect(verdict.diagnostics[0]!.field).toHaveLength(256);
    expect(verdict.diagnostics[0]!.finding_id).toHaveLength(256);
  });
});

describe('purity', () => {
  it('VAL-11.b asks no clock and no chance, wherever it comes', () => {
    const names = ['Date', 'performance', 'crypto', 'process', 'fetch', 'setTimeout', 'setImmediate'] as const;
    const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)!] as const);
    const random = Math.random;
    const results = [aResult({ findings: [aFinding({ title: ' x ' }), 7, aFinding()] }), 'no JSON', aResult({ x: 1 })];
    const asked: string[] = [];
    let kept: (number | undefined)[];
    try {
      Math.random = () => asked.push('Math.random');
      for (const name of names) {
        const get = () => asked.push(name);
        Object.defineProperty(globalThis, name, { configurable: true, get });
      }
      kept = results.map((result) => judge(result).counts.kept);
    } finally {
      Math.random = random;
      for (const [name, descriptor] of before) Object.defineProperty(globalThis, name, descriptor);
    }
    expect([kept, asked]).toEqual([[1, 0, 0], []]);
  });

  it('VAL-11.a gives the same output byte for byte, and leaves its input alone', () => {
    const document = aResult({ findings: [aFinding({ title: ' x ', line: '4' }), 7, aFinding({ id: 'F2' })] });
    const before = JSON.stringify(document);
    const first = JSON.stringify(judge(document));
    expect(JSON.stringify(judge(document))).toBe(first);
    expect(JSON.stringify(document)).toBe(before);
    expect(JSON.stringify(judge(before))).toBe(first);
  });
});
