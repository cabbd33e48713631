import { describe, expect, it } from '@jest/globals';
import { DEFAULT_ALIASES } from '../aliases.js';
import { definePolicy } from '../policy.js';
import { reasonCodesDocument } from '../reason-codes.js';
import { aFinding, aResult, judge, judgeLeniently, judgeOne, judgeOneLeniently } from './samples.js';

/** The acts of one finding that is kept, as [code, field, to], and the finding. */
function actsOf(finding: unknown, options: Parameters<typeof judgeOne>[1] = {}) {
  const { kept, diagnostics, verdict } = judgeOneLeniently(finding, options);
  expect(verdict.counts).toMatchObject({ kept: 1, dropped: 0 });
  return { kept, acts: diagnostics.map(({ code, field, to }) => [code, field, to]), diagnostics };
}

/** A dropped finding gives its one drop and none of its acts (VAL-5). */
function dropOf(finding: unknown, options: Parameters<typeof judgeOne>[1] = {}) {
  const { verdict, diagnostics } = judgeOneLeniently(finding, options);
  expect(diagnostics.map(({ code }) => code)).toEqual([diagnostics[0]!.code, 'all_findings_dropped']);
  expect(verdict.counts.by_code).toEqual({ [diagnostics[0]!.code]: 1, all_findings_dropped: 1 });
  return diagnostics[0]!;
}

const nothing = { id: 'F1', end_line: null, suggestion: null, confidence: null, rule_id: null };

describe('the lenient reading', () => {
  it('VAL-15.a is the default, and strict is what VAL-2 to VAL-4 and VER-3 say', () => {
    const odd = aFinding({ confidence: null, severity: 'HIGH' });
    expect(judgeOneLeniently(odd).verdict).toMatchObject({ reading: 'lenient', counts: { kept: 1 } });
    expect(judgeOne(odd).verdict).toMatchObject({ reading: 'strict', counts: { kept: 0 } });
    expect(definePolicy().readingOf(null).name).toBe('lenient');
  });

  it('VAL-15.c stands in the policy for each source, and the verdict says which it was', () => {
    const policy = { reading: 'lenient', sources: { old: { reading: 'strict' }, own: { aliases: {} } } } as const;
    const severity = 'blocker';
    const of = (source?: string) => judgeOne(aFinding({ severity }), { policy, ...(source && { source }) }).verdict;
    expect(of()).toMatchObject({ reading: 'lenient', counts: { kept: 1 } });
    expect(of('other')).toMatchObject({ reading: 'lenient', counts: { kept: 1 } });
    expect(of('old')).toMatchObject({ reading: 'strict', counts: { kept: 0 } });
    expect(of('own')).toMatchObject({ reading: 'lenient', counts: { kept: 0 } });
    expect(judge('no json', { policy, source: 'old' }).reading).toBe('strict');
  });

  it('VAL-18.a takes null in an optional field or member for absent', () => {
    const { kept, acts } = actsOf({ ...aFinding(), ...nothing });
    expect(kept).toEqual(aFinding());
    expect(acts).toEqual(
      ['end_line', 'suggestion', 'confidence', 'rule_id'].map((name) => ['null_removed', name, null]),
    );
    const top = judgeLeniently(aResult({ summary: null, meta: null }));
    expect(top.result).toEqual(aResult());
    expect(top.diagnostics).toEqual([
      expect.objectContaining({ code: 'null_removed', kind: 'coercion', pointer: '/summary', field: 'summary' }),
      expect.objectContaining({ code: 'null_removed', pointer: '/meta', field: 'meta' }),
    ]);
    expect(dropOf(aFinding({ title: null }))).toMatchObject({ code: 'invalid_type', field: 'title' });
    expect(judgeLeniently(aResult({ findings: null })).rejection?.code).toBe('invalid_type');
  });

  it.each([
    ['severity', 'HIGH', [['letter_case_folded', 'severity', 'high']]],
    [
      'severity',
      ' High\n',
      [
        ['whitespace_trimmed', 'severity', 'High'],
        ['letter_case_folded', 'severity', 'high'],
      ],
    ],
    ['category', 'Bug', [['alias_mapped', 'category', 'correctness']]],
    ['severity', 'note', [['alias_mapped', 'severity', 'low']]],
    ['confidence', 'Medium', [['letter_case_folded', 'confidence', 'medium']]],
  ])('VAL-18.b reads %s %j as a word of the list', (field, written, acts) => {
    const judged = actsOf(aFinding({ [field]: written }));
    expect(judged.acts).toEqual(acts);
    expect(judged.kept).toEqual(aFinding({ [field]: acts.at(-1)![2] }));
  });

  it('VAL-18.b folds ASCII letters alone, and maps no word that is not in the table', () => {
    for (const severity of ['crıtical', 'CRİTICAL', 'bloc\u212aer', 'urgent', 'toString', '__proto__', '']) {
      expect(dropOf(aFinding({ severity })).field).toBe('severity');
    }
    expect(dropOf(aFinding({ category: 'blocker' })).code).toBe('invalid_enum_value');
  });

  it('VAL-18.i ships a table that the catalogue lists; a policy replaces it, and {} empties it', () => {
    expect(reasonCodesDocument().aliases).toEqual(DEFAULT_ALIASES);
    for (const [field, words] of Object.entries(DEFAULT_ALIASES)) {
      for (const [word, meant] of Object.entries(words)) {
        expect(actsOf(aFinding({ [field]: word.toUpperCase() })).acts).toEqual([['alias_mapped', field, meant]]);
      }
    }
    expect(dropOf(aFinding({ severity: 'blocker' }), { policy: { aliases: {} } }).code).toBe('invalid_enum_value');
    const own = { policy: { aliases: { severity: { ' P0 ': 'critical' } } } };
    expect(actsOf(aFinding({ severity: 'p0' }), own).kept).toMatchObject({ severity: 'critical' });
    expect(dropOf(aFinding({ category: 'bug' }), own).code).toBe('invalid_enum_value');
  });

  it.each([
    ['confidence', 0.87, 'invalid_type'],
    ['confidence', 'sure', 'invalid_enum_value'],
    ['suggestion', 'x'.repeat(8193), 'limit_exceeded'],
    ['suggestion', ` ${'x'.repeat(8193)} `, 'limit_exceeded'],
    ['rule_id', ['R1'], 'invalid_type'],
    ['rule_id', 1.5, 'invalid_type'],
    ['end_line', 0, 'invalid_line_range'],
    ['end_line', 'twelve', 'invalid_type'],
    ['column', -3, 'invalid_line_range'],
    ['cwe', '79', 'schema_mismatch'],
  ])('VAL-18.c leaves an unusable %s of %j out and keeps the finding', (field, written, cause) => {
    const { kept, acts, diagnostics } = actsOf(aFinding({ [field]: written }), { version: '1.1' });
    expect(kept).toEqual(aFinding());
    expect(acts).toEqual([['optional_field_removed', field, null]]);
    expect(diagnostics[0]).toMatchObject({
      kind: 'coercion',
      cause,
      finding_id: 'F1',
      pointer: `/findings/0/${field}`,
    });
  });

  it('VAL-18.c still drops an end_line before its line, and what is required', () => {
    expect(dropOf(aFinding({ end_line: 9, confidence: 5 }))).toMatchObject({
      code: 'invalid_line_range',
      field: 'end_line',
    });
    expect(dropOf(aFinding({ confidence: null, message: 5 }))).toMatchObject({
      code: 'invalid_type',
      field: 'message',
    });
  });

  it('VAL-10.c leaves out a summary over 16 KiB, not the review', () => {
    const verdict = judgeLeniently(aResult({ summary: 'x'.repeat(16 * 1024 + 1) }));
    expect(verdict.result).toEqual(aResult());
    expect(verdict.diagnostics).toEqual([
      expect.objectContaining({
        code: 'optional_field_removed',
        cause: 'limit_exceeded',
        pointer: '/summary',
        to: null,
      }),
    ]);
    expect(judgeLeniently(aResult({ summary: 'x'.repeat(16 * 1024) })).unchanged).toBe(true);
    expect(judgeLeniently(aResult({ summary: 5, meta: [] })).counts.by_code).toEqual({ optional_field_removed: 2 });
  });

  it('VAL-18.d leaves out a field that the contract does not know, under every verdict', () => {
    for (const version of ['1.0', '1.7']) {
      const { kept, acts } = actsOf(aFinding({ effort: 'small', __proto: 1 }), { version });
      expect(kept).toEqual(aFinding());
      expect(acts.map(([code, field]) => [code, field])).toEqual([
        ['unknown_field_ignored', 'effort'],
        ['unknown_field_ignored', '__proto'],
      ]);
    }
    const top = judgeLeniently(aResult({ reviewer: 'x' }));
    expect(top.result).toEqual(aResult());
    expect(top.diagnostics).toEqual([expect.objectContaining({ code: 'unknown_field_ignored', pointer: '/reviewer' })]);
  });

  it('VAL-18.e takes a whole number as id or rule_id for its digits', () => {
    const { kept, acts } = actsOf(aFinding({ id: 7, rule_id: 42 }));
    expect(kept).toEqual(aFinding({ id: '7', rule_id: '42' }));
    expect(acts).toEqual([
      ['number_converted_to_string', 'id', '7'],
      ['number_converted_to_string', 'rule_id', '42'],
    ]);
    for (const id of [1.5, 2 ** 53, 1e400]) expect(dropOf(aFinding({ id }))).toMatchObject({ code: 'invalid_type' });
    expect(dropOf(aFinding({ title: 7 }))).toMatchObject({ code: 'invalid_type', field: 'title' });
  });

  it.each([[0], [null], [undefined], ['0'], [-0]])(
    'VAL-18.g takes line %j for a claim about the whole file',
    (line) => {
      const place = { line, end_line: 5, column: 'x', end_column: 2 };
      const { kept, acts } = actsOf(aFinding(place), { version: '1.1' });
      expect(kept).toEqual(aFinding({ line: 1 }));
      expect(acts).toEqual([
        ['line_defaulted', 'line', 1],
        ['line_defaulted', 'end_line', null],
        ['line_defaulted', 'column', null],
        ['line_defaulted', 'end_column', null],
      ]);
      const { verdict } = judgeOneLeniently(aFinding({ line }));
      expect(verdict).toMatchObject({
        lines_defaulted: ['F1'],
        counts: { coerced: 1, by_code: { line_defaulted: 1 } },
      });
    },
  );

  it.each([-1, 1.5, '-3', 'x', [], 2 ** 53])('VAL-18.g still drops line %j', (line) => {
    expect(dropOf(aFinding({ line })).field).toBe('line');
    expect(judgeOneLeniently(aFinding({ line })).verdict.lines_defaulted).toEqual([]);
  });

  it('VAL-18.h reads findings that are the text of a list, and its pointers say so', () => {
    const findings = JSON.stringify([
      aFinding(),
      aFinding({ id: 'F2', line: 'x' }),
      aFinding({ id: 'F3', title: ' y' }),
    ]);
    const verdict = judgeLeniently(aResult({ findings }));
    expect(verdict.result?.findings).toEqual([aFinding(), aFinding({ id: 'F3', title: 'y' })]);
    expect(verdict.diagnostics).toEqual([
      expect.objectContaining({ code: 'string_parsed', pointer: '/findings', from: null }),
      expect.objectContaining({ code: 'invalid_type', pointer: '/findings/1/line', through: '/findings' }),
      expect.objectContaining({ code: 'whitespace_trimmed', pointer: '/findings/2/title', through: '/findings' }),
    ]);
    expect(judgeLeniently(aResult({ findings: '[]' }))).toMatchObject({ result: { findings: [] }, unchanged: false });
    for (const text of ['none', '{}', '[1', '']) {
      expect(judgeLeniently(aResult({ findings: text })).rejection?.code).toBe('invalid_type');
    }
    const policy = { limits: { max_findings: 2 } };
    expect(judgeLeniently(aResult({ findings }), { policy }).rejection?.code).toBe('limit_exceeded');
    expect(judgeOneLeniently(aFinding({ line: 'x' })).diagnostics[0]).not.toHaveProperty('through');
  });

  it('VAL-5.c gives a dropped finding its one drop and none of its acts', () => {
    expect(dropOf({ ...aFinding(), ...nothing, severity: 'HIGH', extra: 1, line: 0, file: 'no.c' })).toMatchObject({
      code: 'file_not_in_changed_files',
    });
    expect(dropOf({ ...aFinding(), severity: 'HIGH', line: 0, message: ' ' })).toMatchObject({ code: 'empty_value' });
  });
});

describe('ids that come twice', () => {
  const judged = (findings: unknown[], options = {}) => {
    const verdict = judgeLeniently(aResult({ findings }), options);
    const dropped = verdict.diagnostics.filter(({ kind }) => kind === 'drop').map(({ code }) => code);
    return { ids: verdict.result?.findings.map(({ id }) => id), dropped, verdict };
  };
  const says = (title: string, differences = {}) => aFinding({ title, ...differences });

  it('VAL-18.f drops the second only if file, line, category and title are the same', () => {
    const same = says('a', { message: 'other words', severity: 'low', file: './src/a.c', line: '10', category: 'BUG' });
    expect(judged([says('a'), same])).toMatchObject({ ids: ['F1'], dropped: ['duplicate_finding_id'] });
    const others = [{ title: 'b' }, { file: 'src/b.c' }, { line: 11 }, { category: 'style' }];
    const { ids, verdict } = judged([says('a'), ...others.map((other) => says('a', other))]);
    expect(ids).toEqual(['F1', 'F1~2', 'F1~3', 'F1~4', 'F1~5']);
    expect(verdict.diagnostics[0]).toMatchObject({
      code: 'duplicate_id_renamed',
      field: 'id',
      from: 'F1',
      to: 'F1~2',
      finding_id: 'F1~2',
      pointer: '/findings/1/id',
    });
    expect(judged([says('a'), says('b'), says('b'), says('c')])).toMatchObject({
      ids: ['F1', 'F1~2', 'F1~3'],
      dropped: ['duplicate_finding_id'],
    });
  });

  it('VAL-18.f remembers what findings say that come after the first id twice', () => {
    const later = says('c', { id: 'B' });
    expect(judged([says('a'), says('b'), later, { ...later }])).toMatchObject({
      ids: ['F1', 'F1~2', 'B'],
      dropped: ['duplicate_finding_id'],
    });
  });

  it('VAL-18.j gives no id that stands anywhere in the document', () => {
    expect(
      judged([says('a'), says('b'), says('c', { id: 'F1~2' }), says('d'), says('e', { id: ' F1~4 ' })]).ids,
    ).toEqual(['F1', 'F1~3', 'F1~2', 'F1~5', 'F1~4']);
    const dropped = says('b', { id: 'F1~2', severity: 'wrong' });
    expect(judged([says('a'), says('c'), dropped]).ids).toEqual(['F1', 'F1~3']);
    expect(judged([says('a', { id: 7 }), says('b', { id: '7' }), says('c', { id: 7 })]).ids).toEqual([
      '7',
      '7~2',
      '7~3',
    ]);
  });

  it('VAL-18.j drops a finding whose id would grow over its limit', () => {
    const id = 'x'.repeat(1023);
    expect(judged([says('a', { id }), says('b', { id })])).toMatchObject({ dropped: ['limit_exceeded'] });
  });

  it('VAL-18.j takes linear time, however many findings share an id', () => {
    const policy = { limits: { max_findings: 100_000, max_result_bytes: 2 ** 27 } };
    const timed = (count: number) => {
      const findings = Array.from({ length: count }, (_, index) => says(`t${index}`));
      const before = process.cpuUsage().user;
      expect(judged(findings, { policy }).ids?.at(-1)).toBe(`F1~${count}`);
      return process.cpuUsage().user - before;
    };
    timed(2_000);
    expect(timed(32_000) / timed(2_000)).toBeLessThan(80);
  });
});
