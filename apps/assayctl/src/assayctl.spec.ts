import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_POLICY, REASON_CODES } from '@assay/review-engine';
import { assayctl } from './assayctl.js';
import { printable, table, painter } from './terminal.js';

const FINDING = {
  id: 'F1',
  severity: 'high',
  category: 'correctness',
  title: 'Unchecked result',
  file: 'src/a.c',
  line: 10,
  message: 'lookup() may answer null here.',
};
const aResult = (differs: object = {}) => ({
  schema_version: '1.0',
  prompt_version: '1.0.0',
  findings: [FINDING],
  ...differs,
});
const aSubmission = (differs: object = {}) => ({
  changelist_id: 4711,
  review_version: 1,
  changed_files: ['src/a.c'],
  review_result: aResult(),
  ...differs,
});

/** Runs a command over files given as values (or, as strings, as they are). */
function run(args: string[], files: Record<string, unknown> = {}, colour = false) {
  let [out, err] = ['', ''];
  const code = assayctl(args, {
    read: (file) => {
      if (!Object.hasOwn(files, file)) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      const content = files[file];
      if (Buffer.isBuffer(content)) return content;
      return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    },
    run: () => {
      throw new Error('no other program is needed');
    },
    out: (text) => (out += text),
    err: (text) => (err += text),
    env: {},
    colour,
    columns: 100,
  });
  return { code, out, err, json: () => JSON.parse(out) as Record<string, unknown> };
}

const validate = (submission: unknown, ...more: string[]) =>
  run(['validate', 'in.json', ...more], { 'in.json': submission });

describe('assayctl validate', () => {
  it('VAL-13.b answers 0 for an accepted submission, with the document of the dry run', () => {
    const { code, json } = validate(aSubmission(), '--json');
    expect(code).toBe(0);
    expect(json()).toEqual({
      outcome: 'accepted',
      versions: {
        schema_version: '1.0',
        read_as: '1.0',
        prompt_version: '1.0.0',
        schema_verdict: 'exact',
        prompt_verdict: 'exact',
      },
      rejection: null,
      reading: 'lenient',
      explanation: null,
      truncated: false,
      lines_defaulted: [],
      result: aResult(),
      counts: { submitted: 1, kept: 1, dropped: 0, coerced: 0, by_code: {} },
      diagnostics: [],
      allow_list_hash: null,
    });
  });

  it('VAL-13.b answers 1 for a rejected one', () => {
    const { code, json } = validate(aSubmission({ review_result: 'not json' }), '--json');
    expect(code).toBe(1);
    expect(json()).toMatchObject({
      outcome: 'rejected',
      rejection: { class: 'INVALID_JSON', code: 'invalid_json' },
      result: null,
    });
  });

  it('VAL-10.e VAL-13.c refuses a review result over 2 MiB, and says which limit it is', () => {
    for (const review_result of ['x'.repeat(2 * 1024 * 1024 + 1), aResult({ summary: 'x'.repeat(2 * 1024 * 1024) })]) {
      const { code, out } = validate(aSubmission({ review_result }));
      expect(code).toBe(1);
      expect(out).toContain('413 payload_too_large');
      expect(out).toContain('/review_result must be at most 2097152 bytes');
    }
    const small = { limits: { max_result_bytes: 8 } };
    expect(run(['validate', 'a', '--policy', 'p'], { a: aSubmission(), p: small }).code).toBe(1);
  });

  it('VAL-13.b reads standard input, a byte order mark before it too', () => {
    expect(run(['validate', '-'], { '-': `\ufeff${JSON.stringify(aSubmission())}` }).code).toBe(0);
  });

  it.each<[string, string[], Record<string, unknown>, RegExp]>([
    ['no file', ['validate'], {}, /argument is missing/],
    ['two files', ['validate', 'a', 'b'], {}, /one argument too many: "b"/],
    ['a file that is not there', ['validate', 'a'], {}, /a cannot be read \(ENOENT\)/],
    ['a policy that is not JSON', ['validate', 'a', '--policy', 'p'], { a: aSubmission(), p: '{' }, /p is not JSON/],
    [
      'a policy that is not UTF-8',
      ['validate', 'a', '--policy', 'p'],
      { a: aSubmission(), p: Buffer.from('{"a":"\xe9"}', 'latin1') },
      /p is not UTF-8/,
    ],
    [
      'limits that are a list',
      ['validate', 'a', '--policy', 'p'],
      { a: aSubmission(), p: { limits: [] } },
      /object of limits/,
    ],
    ['an unknown option', ['validate', 'a', '--yaml'], { a: aSubmission() }, /--yaml/],
    ['a policy that is not there', ['validate', 'a', '--policy', 'p'], { a: aSubmission() }, /policy p cannot be read/],
    [
      'an unknown policy setting',
      ['validate', 'a', '--policy', 'p'],
      { a: aSubmission(), p: { colour: 1 } },
      /colour is not/,
    ],
    [
      'a policy that is no object',
      ['validate', 'a', '--policy', 'p'],
      { a: aSubmission(), p: [] },
      /object of settings/,
    ],
    [
      'a bad policy setting',
      ['validate', 'a', '--policy', 'p'],
      {
        a: aSubmission(),
        p: { limits: { max_findings: 'x' }, schema_versions: 5, sources: { a: { reading: 'loose' } } },
      },
      /\/limits\/max_findings must.*\/schema_versions must.*\/sources\/a\/reading must be lenient or strict/s,
    ],
    ['a bad allow-list', ['validate', 'a', '--allow-list', 'l'], { a: aSubmission(), l: '{}' }, /changed_by/],
    ['an unknown command', ['frobnicate'], {}, /no command "frobnicate"/],
    ['nothing at all', [], {}, /usage/],
  ])('VAL-13.b answers 2 for %s, and says what is wrong', (_title, args, files, message) => {
    const { code, out, err } = run(args, files);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  it.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /refused {2}400 malformed_json/],
    ['no UTF-8', Buffer.from('{"a":"\xe9"}', 'latin1'), /refused {2}400 invalid_encoding/],
    [
      'no submission',
      { root: 5 },
      /400 invalid_request.*changed_files must be.*review_result must be.*\/root must be/s,
    ],
    [
      'a review result alone',
      aResult(),
      /looks like a review result: say what has changed with --changed-files FILE or/,
    ],
    ['raw output alone', 'Here you are: {}', /If this is a reviewer's raw output, say what has changed with/],
    ['SARIF', aSubmission({ review_result_format: 'sarif' }), /review_result_format SARIF is not read yet/],
    ['more than 6 MiB', ' '.repeat(6 * 1024 * 1024 + 1), /refused {2}413 payload_too_large/],
  ])('VAL-13.c answers 1 for %s, with the problem of the services', (_title, submission, message) => {
    const { code, out, err } = validate(submission);
    expect([code, err]).toEqual([1, '']);
    expect(out).toMatch(message);
    expect(validate(submission, '--json').json()).toMatchObject({
      status: expect.any(Number),
      code: expect.any(String),
    });
  });

  it('VAL-13.b judges under the policy given', () => {
    const submission = aSubmission({ review_result: aResult({ prompt_version: '1.0.7' }) });
    expect(validate(submission).code).toBe(1);
    const drift = run(['validate', 'a', '--policy', 'p', '--json'], { a: submission, p: { prompt_patch_drift: true } });
    expect(drift.code).toBe(0);
    expect(drift.json()).toMatchObject({ versions: { prompt_verdict: 'compatible_patch' } });
    const strict = { prompt_versions: ['1.0.7'], limits: { max_findings: 1, max_string_bytes: 4 } };
    const dropped = run(['validate', 'a', '--policy', 'p', '--json'], { a: submission, p: strict });
    expect(dropped.json()).toMatchObject({ counts: { dropped: 1, by_code: { limit_exceeded: 1 } } });
    expect(DEFAULT_POLICY.prompt_versions).toEqual(['1.0.0']);
  });

  it('VAL-15.a reads leniently unless a policy says otherwise, for all or for the source', () => {
    const submission = aSubmission({ review_result: aResult({ findings: [{ ...FINDING, severity: 'HIGH' }] }) });
    expect(validate(submission).out).toContain('prompt 1.0.0 exact; lenient reading\n');
    const p = { truncated: 'keep_complete', sources: { old: { reading: 'strict' } } };
    const of = (source: string) => run(['validate', 'a', '--policy', 'p', '--source', source], { a: submission, p });
    expect(of('old').out).toMatch(/0 of 1 findings kept.*strict reading\n/s);
    expect(of('new').out).toMatch(/1 of 1 findings kept.*lenient reading\n/s);
  });

  it('CON-4.a tries a contract that is not registered yet', () => {
    const text = { type: 'string' };
    const schema = {
      properties: { schema_version: {}, prompt_version: {}, findings: {} },
      $defs: {
        finding: {
          required: ['id', 'file', 'line'],
          properties: { id: text, file: text, line: { type: 'integer' }, mood: text },
        },
      },
    };
    const findings = [{ id: 'F1', file: 'src/a.c', line: 1, mood: 'calm' }];
    const review_result = aResult({ schema_version: '1.5', findings });
    const files = { a: aSubmission({ review_result }), s: schema, bad: { properties: {} } };
    const tried = run(['validate', 'a', '--contract', '1.5=s', '--json'], files);
    expect(tried.json()).toMatchObject({ versions: { schema_verdict: 'exact' }, counts: { kept: 1 } });
    expect(run(['validate', 'a', '--contract', '1.5=1.1', '--json'], files).json()).toMatchObject({
      counts: { dropped: 1 },
    });
    expect(run(['validate', 'a', '--contract', '1.5'], files)).toMatchObject({ code: 2 });
    for (const [contract, fault] of [
      ['1.5=bad', /the contracts cannot be used:\n.*\$defs\.finding\.properties is missing/],
      ['1.0=1.1', /contract 1\.0 is registered already/],
      ['one=1.1', /one is not MAJOR\.MINOR/],
    ] as const) {
      expect(run(['validate', 'a', '--contract', contract], files)).toMatchObject({ code: 2, out: '' });
      expect(run(['validate', 'a', '--contract', contract], files).err).toMatch(fault);
    }
  });

  it('VAL-13.b VAL-7.c judges under an allow-list when one is given', () => {
    const list = { changed_by: 'me', entries: ['//depot/p/...'] };
    const { code, out } = run(['validate', 'a', '--allow-list', 'l'], { a: aSubmission(), l: list });
    expect(code).toBe(1);
    expect(out).toContain('403 depot_path_not_allowed');
    expect(out).toContain('  - src/a.c');
    const changed_files = Array.from({ length: 150 }, (_, index) => `src/${index}.c`);
    const many = run(['validate', 'a', '--allow-list', 'l'], { a: aSubmission({ changed_files }), l: list });
    expect(many.out).toMatch(/- src\/99\.c\n {2}… 150 in all\n$/);
    expect(validate(aSubmission()).out).toContain('No depot allow-list was asked');
  });

  it('VAL-13.b explains to the author what was done, where, and how to mend it', () => {
    const findings = [
      { ...FINDING, line: '10' },
      { ...FINDING, id: 'F2', severity: 'urgent' },
      { ...FINDING, id: 'F3', file: 'src/zzz.c' },
    ];
    const { code, out } = validate(aSubmission({ review_result: aResult({ findings }) }));
    expect(code).toBe(0);
    expect(out).toContain('accepted  1 of 3 findings kept (1 of them coerced), 2 dropped');
    expect(out).toMatch(/#1 F2 +\/findings\/1\/severity +invalid_enum_value +severity: got "urgent", expected one of/);
    expect(out).toMatch(/#0 F1 +\/findings\/0\/line +numeric_string_converted +"10" became 10/);
    for (const code of ['invalid_enum_value', 'file_not_in_changed_files'] as const) {
      expect(out.replace(/\s+/g, ' ')).toContain(REASON_CODES[code].remedy);
    }
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it('VAL-17.e shows the line at fault with a caret under the character, the sub-reason and its cure', () => {
    const broken = JSON.stringify(aResult(), null, 2).replace('"severity"', 'severity');
    const { code, out } = validate(aSubmission({ review_result: broken }));
    expect(code).toBe(1);
    const lines = out.split('\n');
    const shown = lines.findIndex((line) => line.includes('severity: ') || line.includes('severity":'));
    expect(lines[shown - 1]).toMatch(/^other {2}line 7, column 7 \(byte \d+\)$/);
    expect(lines[shown + 1]!.indexOf('^')).toBe(lines[shown]!.indexOf('severity'));
    expect(out).toContain('found s, expected a name in double quotes');
    const compact = validate(aSubmission({ review_result: `${JSON.stringify(aResult())} Done.` })).out.split('\n');
    const caret = compact.findIndex((line) => line.trim() === '^');
    expect(compact[caret - 1]!.slice(compact[caret]!.indexOf('^'))).toBe('Done.');
    expect(compact[caret - 2]).toContain('text_around_json');
  });

  it('VAL-17.e SEC-4.g shows no line that holds a secret', () => {
    const { out } = validate(aSubmission({ review_result: '{"a": "password=hunter2hunter2", b}' }));
    expect(out).toContain('line 1, column 34');
    expect(out).not.toContain('hunter2');
    const long = `{"a": "password=${'hunter2'.repeat(20)}", b}`;
    expect(validate(aSubmission({ review_result: long })).out).not.toContain('hunter2');
  });

  it('SEC-4.g shows a finding nothing that drives a terminal, and no secret', () => {
    const severity = '\u001b[2J\u009b31m\u202e password=hunter2hunter2';
    const { out } = validate(
      aSubmission({ review_result: aResult({ findings: [{ ...FINDING, id: 'F\u001b[1m', severity }] }) }),
    );
    expect(out).not.toMatch(/[\u001b\u009b\u202e]/);
    expect(out).not.toContain('hunter2');
    expect(printable('a\u0007 😀 \ud800')).toBe('a\\u0007 😀 \\ud800');
  });

  it('VAL-13.b shows as many diagnostics as a policy keeps', () => {
    const findings = Array.from({ length: 150_000 }, () => 0);
    const limits = { max_findings: 1_000_000, max_diagnostics: 1_000_000 };
    const files = { a: aSubmission({ review_result: aResult({ findings }) }), p: { limits } };
    const { code, out } = run(['validate', 'a', '--policy', 'p'], files);
    expect(code).toBe(0);
    expect(out).toContain('#149999');
  });

  it('VAL-13.b colours on a terminal only', () => {
    const files = { a: aSubmission({ review_result: 'x' }) };
    expect(run(['validate', 'a'], files).out).not.toContain('\u001b[');
    expect(run(['validate', 'a'], files, true).out).toContain('\u001b[31m');
  });
});

describe('assayctl reason-codes', () => {
  it('lists the catalogue, as JSON or as a table, or one code of it', () => {
    const { json } = run(['reason-codes', '--json']);
    expect((json()['codes'] as { code: string }[]).map(({ code }) => code)).toEqual(Object.keys(REASON_CODES));
    const { out } = run(['reason-codes']);
    for (const code of Object.keys(REASON_CODES)) expect(out).toContain(code);
    expect(run(['reason-codes', 'invalid_type']).out).toContain(REASON_CODES.invalid_type.example.in);
    expect(run(['reason-codes', 'nonsense']).code).toBe(2);
  });
});

describe('assayctl compatibility', () => {
  it('VER-6.a VER-6.b lists the versions, and answers a preflight with 0 or 1', () => {
    expect(run(['compatibility']).out).toMatch(/1\.0 +supported\n1\.1 +current\nprompt versions: 1\.0\.0\n/);
    const refused = run(['compatibility', '--schema-version', '2.0', '--json']);
    expect(refused.code).toBe(1);
    expect(refused.json()).toMatchObject({ preflight: { schema_verdict: 'incompatible_major', acceptable: false } });
    const read = run(['compatibility', '--schema-version', '1.4', '--prompt-version', '1.0']);
    expect(read.code).toBe(0);
    expect(read.out).toContain('schema 1.4: compatible_minor, read as 1.1');
  });

  it('VER-6.a shows how each version stands under a policy', () => {
    const schema_versions = {
      '1.0': { status: 'sunset', date: '2027-06-30' },
      '1.1': { status: 'preview', sources: ['a', 'b'] },
    };
    const { out } = run(['compatibility', '--policy', 'p'], { p: { schema_versions, prompt_patch_drift: true } });
    expect(out).toContain('sunset, until 2027-06-30');
    expect(out).toContain('preview for a, b');
    expect(out).toContain('any patch of these');
  });
});

describe('the command line', () => {
  it('helps', () => {
    expect(run(['--help'])).toMatchObject({ code: 0, err: '' });
    expect(run(['validate', '--help']).out).toContain('usage: assayctl validate FILE');
  });

  it('wraps the last column to the width of the terminal', () => {
    const text = table(['a', 'b'], [['x', 'word '.repeat(12) + 'y'.repeat(30)]], {
      columns: 30,
      paint: painter({ colour: false }),
    });
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(30);
    expect(text.replace(/\s+/g, '')).toContain('word'.repeat(12) + 'y'.repeat(30));
  });

  it('VAL-13.b needs no framework to start', () => {
    const seen = new Set<string>();
    const follow = (file: URL): void => {
      if (seen.has(file.href)) return;
      seen.add(file.href);
      for (const [, path] of readFileSync(file, 'utf8').matchAll(
        /^(?:import|export)(?! type)[^;]*?from '([^']+)'/gms,
      )) {
        if (path!.startsWith('node:')) continue;
        if (path!.startsWith('.')) follow(new URL(path!.replace(/\.js$/, '.ts'), file));
        else if (/^@assay\/(contracts|review-engine|submission)$/.test(path!))
          follow(new URL(`../../../libs/${path!.slice(7)}/src/index.ts`, import.meta.url));
        else throw new Error(`${file.href} loads ${path}`);
      }
    };
    follow(new URL('main.ts', import.meta.url));
    expect(seen.size).toBeGreaterThan(20);
  });
});
