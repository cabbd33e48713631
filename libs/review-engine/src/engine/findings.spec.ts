import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge, judgeOne } from './samples.js';

/** A dropped finding's one drop, beside the warning that nothing is left. */
function dropOf(finding: unknown, options: Parameters<typeof judgeOne>[1] = {}) {
  const { verdict, diagnostics } = judgeOne(finding, options);
  expect(verdict.counts).toMatchObject({ submitted: 1, kept: 0, dropped: 1, coerced: 0 });
  const drops = diagnostics.filter(({ kind }) => kind === 'drop');
  expect(drops).toHaveLength(1);
  expect(diagnostics.map(({ code }) => code)).toEqual([drops[0]!.code, 'all_findings_dropped']);
  return drops[0]!;
}

const without = (name: string) => {
  const finding = aFinding();
  delete finding[name];
  return finding;
};

describe('coercions', () => {
  it.each(['id', 'severity', 'category', 'title', 'message', 'suggestion', 'confidence', 'rule_id'])(
    'VAL-3.a trims white space around %s',
    (field) => {
      const finding = aFinding({ suggestion: 'x', confidence: 'low', rule_id: 'R', severity: 'low' });
      const clean = finding[field] as string;
      const { kept, diagnostics, verdict } = judgeOne({ ...finding, [field]: ` \t\u00a0\ufeff${clean}\u2028\n` });
      expect(kept).toEqual(finding);
      expect(diagnostics).toEqual([
        expect.objectContaining({
          code: 'whitespace_trimmed',
          kind: 'coercion',
          field,
          to: clean,
          pointer: `/findings/0/${field}`,
        }),
      ]);
      expect(verdict.counts).toMatchObject({ kept: 1, coerced: 1, by_code: { whitespace_trimmed: 1 } });
    },
  );

  it('VAL-3.a trims the versions and the summary too', () => {
    const verdict = judge(aResult({ schema_version: ' 1.0', prompt_version: '1.0.0\n', summary: ' fine ' }));
    expect(verdict.result).toEqual(aResult({ summary: 'fine' }));
    expect(verdict.diagnostics.map(({ pointer }) => pointer)).toEqual([
      '/schema_version',
      '/prompt_version',
      '/summary',
    ]);
    expect(verdict.counts).toMatchObject({ coerced: 0, by_code: { whitespace_trimmed: 3 } });
  });

  it('VAL-3.b turns backslashes in file to slashes', () => {
    const { kept, diagnostics } = judgeOne(aFinding({ file: 'src\\a.c' }));
    expect(kept?.file).toBe('src/a.c');
    expect(diagnostics).toEqual([
      expect.objectContaining({ code: 'path_normalized', field: 'file', from: 'src\\a.c', to: 'src/a.c' }),
    ]);
  });

  it.each([
    ['10', 10],
    [' 10 ', 10],
    ['007', 7],
    ['+5', 5],
    ['9007199254740991', 9007199254740991],
  ])('VAL-3.c reads line %j as %d', (written, line) => {
    const { kept, diagnostics } = judgeOne(aFinding({ line: written }));
    expect(kept).toEqual(aFinding({ line }));
    expect(diagnostics).toEqual([
      expect.objectContaining({ code: 'numeric_string_converted', field: 'line', from: written, to: line, line }),
    ]);
  });

  it.each(['end_line', 'column', 'end_column'])('VAL-3.c reads digits in %s', (field) => {
    const { kept, diagnostics } = judgeOne(aFinding({ [field]: '12' }), { version: '1.1' });
    expect(kept).toEqual(aFinding({ [field]: 12 }));
    expect(diagnostics.map(({ code }) => code)).toEqual(['numeric_string_converted']);
  });

  it.each([
    '10.0',
    '1e1',
    '0x10',
    '-0',
    '-00',
    '9007199254740992',
    '1 0',
    '',
    ' ',
    '+',
    '١٠',
    '1_0',
    'ten',
    10.5,
    null,
    true,
    [10],
  ])('VAL-3.c takes %j for no line', (line) => {
    expect(dropOf(aFinding({ line }))).toMatchObject({ code: 'invalid_type', field: 'line', line: null });
  });

  it('VAL-3.d gives each coercion its finding id, field, old value and new', () => {
    const { diagnostics } = judgeOne(aFinding({ id: ' F9', title: ' x', line: '3', file: ' src/./b.c ' }));
    expect(diagnostics.map(({ code, field, from, to }) => [code, field, from, to])).toEqual([
      ['whitespace_trimmed', 'id', ' F9', 'F9'],
      ['whitespace_trimmed', 'title', ' x', 'x'],
      ['whitespace_trimmed', 'file', ' src/./b.c ', 'src/./b.c'],
      ['numeric_string_converted', 'line', '3', 3],
      ['path_normalized', 'file', 'src/./b.c', 'src/b.c'],
    ]);
    for (const diagnostic of diagnostics) {
      expect(diagnostic).toMatchObject({ finding_id: 'F9', finding_index: 0, file: 'src/b.c', line: 3 });
    }
  });

  it('VAL-3.d redacts old values, then cuts them at 256 characters', () => {
    const redact = (text: string) => text.replaceAll('hunter2', '[redacted]');
    const { diagnostics } = judgeOne(aFinding({ title: ` hunter2 ${'y'.repeat(600)}` }), { redact });
    expect(diagnostics[0]!.from).toHaveLength(256);
    expect(diagnostics[0]!.from).toContain(' [redacted] yyy');
    expect(JSON.stringify(diagnostics)).not.toContain('hunter2');
    const split = judgeOne(aFinding({ title: ` ${'y'.repeat(254)}😀` })).diagnostics[0]!;
    expect(split.from).toBe(` ${'y'.repeat(254)}`);
  });
});

describe('drops', () => {
  it.each([[null], [7], ['F1'], [['F1']], [true]])('VAL-4.a drops %j, which is no object', (finding) => {
    expect(dropOf(finding)).toMatchObject({
      code: 'invalid_type',
      pointer: '/findings/0',
      field: null,
      finding_id: null,
    });
  });

  it.each(['id', 'severity', 'category', 'title', 'file', 'line', 'message'])(
    'VAL-4.a drops a finding without %s',
    (field) => {
      expect(dropOf(without(field))).toMatchObject({ code: 'missing_required_field', field, pointer: '/findings/0' });
    },
  );

  it.each(['id', 'severity', 'category', 'title', 'file', 'message', 'suggestion', 'confidence', 'rule_id'])(
    'VAL-4.a drops a finding whose %s is of another type',
    (field) => {
      for (const value of [null, 5, {}, ['x'], false]) {
        expect(dropOf(aFinding({ [field]: value }))).toMatchObject({
          code: 'invalid_type',
          field,
          pointer: `/findings/0/${field}`,
        });
      }
    },
  );

  it.each(['id', 'severity', 'category', 'title', 'file', 'message'])(
    'VAL-4.b drops a finding with an empty %s',
    (field) => {
      for (const value of ['', ' \u3000\n']) {
        expect(dropOf(aFinding({ [field]: value }))).toMatchObject({ code: 'empty_value', field });
      }
    },
  );

  it('VAL-4.b keeps an optional string that is empty', () => {
    const finding = aFinding({ suggestion: '', rule_id: '' });
    expect(judgeOne(finding)).toMatchObject({ kept: finding, diagnostics: [] });
  });

  it('VAL-4.c VAL-10.b drops a finding with an over-long string, counted in bytes after trimming', () => {
    expect(dropOf(aFinding({ title: 'é'.repeat(513) }))).toMatchObject({ code: 'limit_exceeded', field: 'title' });
    expect(dropOf(aFinding({ message: 'x'.repeat(8193) }))).toMatchObject({ code: 'limit_exceeded', field: 'message' });
    const kept = aFinding({ title: 'é'.repeat(512), message: 'x'.repeat(8192), suggestion: 'y'.repeat(8192) });
    expect(judgeOne(kept).diagnostics).toEqual([]);
    expect(judgeOne(aFinding({ title: ` ${'x'.repeat(1024)} ` })).kept?.title).toHaveLength(1024);
  });

  it.each([
    ['severity', 'blocker'],
    ['severity', 'HIGH'],
    ['category', 'bug'],
    ['confidence', ''],
  ])('VAL-4.d drops a finding whose %s is %j', (field, value) => {
    expect(dropOf(aFinding({ [field]: value }))).toMatchObject({ code: 'invalid_enum_value', field, from: value });
  });

  it.each([0, -1, '0', '-3', 9007199254740992])('VAL-4.e drops a finding of line %j', (line) => {
    expect(dropOf(aFinding({ line }))).toMatchObject({ code: 'invalid_line_range', field: 'line' });
  });

  it('VAL-4.e drops a finding whose end_line precedes its line, once both are numbers', () => {
    expect(dropOf(aFinding({ end_line: 9 }))).toMatchObject({
      code: 'invalid_line_range',
      field: 'end_line',
      line: 10,
    });
    expect(dropOf(aFinding({ line: '10', end_line: ' 9' }))).toMatchObject({
      code: 'invalid_line_range',
      field: 'end_line',
    });
    expect(judgeOne(aFinding({ end_line: 10 })).diagnostics).toEqual([]);
  });

  it('VAL-4.f VER-3.d drops a finding with an unknown field under exact', () => {
    expect(dropOf(aFinding({ 'a/b~c': 1 }))).toMatchObject({
      code: 'schema_mismatch',
      field: 'a/b~c',
      pointer: '/findings/0/a~1b~0c',
      from: 1,
    });
    expect(dropOf(aFinding({ column: 3 }))).toMatchObject({ code: 'schema_mismatch', field: 'column' });
  });

  it('VAL-4.g drops the id, after trimming, of an earlier finding that passed these checks', () => {
    const findings = [
      aFinding({ id: 'A', severity: 'wrong' }),
      aFinding({ id: 'A' }),
      aFinding({ id: ' A ' }),
      aFinding({ id: 'B', file: 'elsewhere.c' }),
      aFinding({ id: 'B' }),
    ];
    const verdict = judge(aResult({ findings }));
    expect(verdict.diagnostics.map(({ code, finding_index }) => [code, finding_index])).toEqual([
      ['invalid_enum_value', 0],
      ['duplicate_finding_id', 2],
      ['file_not_in_changed_files', 3],
      ['duplicate_finding_id', 4],
    ]);
    expect(verdict.result?.findings).toEqual([findings[1]]);
  });

  it('VAL-5.a names the first reason in the order of the fields, unknown fields and duplicates last', () => {
    const faults: Record<string, unknown> = {
      id: '',
      severity: 'x',
      category: 'x',
      title: 1,
      file: null,
      line: 0,
      message: ' ',
      end_line: 'x',
      suggestion: 1,
      confidence: 'x',
      rule_id: 1,
    };
    const order = Object.keys(faults);
    for (let first = 0; first < order.length; first++) {
      const later = Object.fromEntries(
        order
          .slice(first)
          .map((name) => [name, faults[name]])
          .reverse(),
      );
      expect(dropOf({ unknown: 1, ...aFinding(), ...later }).field).toBe(order[first]);
    }
    const twice = judge(aResult({ findings: [aFinding(), aFinding({ unknown: 1 }), aFinding({ file: 'no.c' })] }));
    expect(twice.diagnostics.map(({ code }) => code)).toEqual(['schema_mismatch', 'duplicate_finding_id']);
  });

  it('VAL-5.b tells file and line when they parse, and points into the document as submitted', () => {
    const findings = [aFinding(), aFinding({ id: ' F2 ', severity: 'x', file: ' .\\src\\b.c ', line: ' 7 ' })];
    expect(judge(aResult({ findings })).diagnostics).toEqual([
      {
        code: 'invalid_enum_value',
        kind: 'drop',
        finding_id: 'F2',
        finding_index: 1,
        field: 'severity',
        pointer: '/findings/1/severity',
        from: 'x',
        to: null,
        file: 'src/b.c',
        line: 7,
        expected: 'one of critical, high, medium, low, info',
      },
    ]);
    expect(dropOf(aFinding({ id: 5, file: 6, line: 'x' }))).toMatchObject({ finding_id: null, file: null, line: null });
  });
});

describe('contract 1.1', () => {
  it('CON-3.a takes column, end_column, cwe and fingerprint', () => {
    const finding = aFinding({ column: 1, end_column: 4, cwe: 'CWE-476', fingerprint: '😀'.repeat(8) });
    expect(judgeOne(finding, { version: '1.1' })).toMatchObject({ kept: finding, diagnostics: [] });
  });

  it.each([
    ['cwe', 'CWE476'],
    ['cwe', ''],
    ['fingerprint', '1234567'],
    ['fingerprint', '😀'.repeat(7)],
    ['fingerprint', 'x'.repeat(129)],
  ])('CON-3.a drops a finding whose %s is %j', (field, value) => {
    expect(dropOf(aFinding({ [field]: value }), { version: '1.1' })).toMatchObject({ code: 'schema_mismatch', field });
  });

  it('CON-3.a drops a finding whose column is below 1', () => {
    expect(dropOf(aFinding({ column: 0 }), { version: '1.1' })).toMatchObject({
      code: 'invalid_line_range',
      field: 'column',
    });
  });
});

describe('files', () => {
  it('VAL-6.a drops a finding of a file that did not change', () => {
    expect(dropOf(aFinding({ file: './src/x.c' }))).toMatchObject({
      code: 'file_not_in_changed_files',
      field: 'file',
      pointer: '/findings/0/file',
      from: './src/x.c',
      file: 'src/x.c',
      line: 10,
    });
  });

  it('VAL-6.k says which changed file is nearest to one that did not change', () => {
    expect(dropOf(aFinding({ file: 'SRC/A.c' })).expected).toBe('one of the changed files; the nearest is src/a.c');
    expect(dropOf(aFinding({ file: 'lib/b.c' })).expected).toBe('one of the changed files; the nearest is src/b.c');
    expect(dropOf(aFinding({ file: 'lib/x.c' })).expected).toBe('one of the changed files');
  });

  it('VAL-6.c drops a finding whose file goes up', () => {
    expect(dropOf(aFinding({ file: 'src/../src/a.c' })).code).toBe('file_not_in_changed_files');
  });

  it('VAL-6.e lets the kept finding bear the changed file, and says what it was', () => {
    const files = { changed_files: ['//depot/p/src/a.c#7'], root: '//depot/p' };
    const { kept, diagnostics } = judgeOne(aFinding({ file: 'src/a.c' }), files);
    expect(kept?.file).toBe('//depot/p/src/a.c');
    expect(diagnostics).toEqual([
      expect.objectContaining({ code: 'path_normalized', from: 'src/a.c', to: '//depot/p/src/a.c' }),
    ]);
  });

  it('VAL-6.d folds case only when the submission says so', () => {
    expect(dropOf(aFinding({ file: 'SRC/A.C' })).code).toBe('file_not_in_changed_files');
    const { kept, diagnostics } = judgeOne(aFinding({ file: 'SRC/A.C' }), { case_insensitive_paths: true });
    expect(kept?.file).toBe('src/a.c');
    expect(diagnostics.map(({ code }) => code)).toEqual(['path_normalized']);
  });
});
