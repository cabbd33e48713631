import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { assayctl } from './assayctl.js';
import { runProgram } from './run-program.js';

const aFinding = (file: string) => ({
  ...{ id: file, severity: 'HIGH', category: 'bug', title: 'Unchecked result', file, line: 10 },
  message: 'lookup() may answer null here.',
});
const anAnswer = (...files: string[]) =>
  `\`\`\`json\n${JSON.stringify({ schema_version: '1.0', prompt_version: '1.0.0', findings: files.map(aFinding) })}\n\`\`\``;

const BASE = mkdtempSync(join(tmpdir(), 'assay-git-'));
const repository = join(BASE, 'repository');
const git = (...args: string[]) => {
  const ran = runProgram(repository, 'git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args]);
  if (ran.status !== 0) throw new Error(`git ${args.join(' ')}: ${ran.error ?? ran.stderr}`);
  return ran.stdout.toString('utf8').trim();
};
const commit = (message: string) => {
  git('add', '--all');
  git('-c', 'commit.gpgsign=false', 'commit', '--quiet', '--allow-empty', `--message=${message}`);
};

beforeAll(() => {
  for (const folder of ['', 'src', 'docs', 'lib']) mkdirSync(join(repository, folder));
  runProgram(repository, 'git', ['init', '--quiet', '--initial-branch=main']);
  for (const name of ['src/a.c', 'src/gone.c', 'same.c'])
    writeFileSync(join(repository, name), 'int a;\n'.repeat(20) + name);
  commit('one');
  git('tag', 'before');
  writeFileSync(join(repository, 'docs/\u00e9t\u00e9 "x".md'), 'new\n');
  renameSync(join(repository, 'src/a.c'), join(repository, 'lib/b.c'));
  rmSync(join(repository, 'src/gone.c'));
  commit('two');
  git('config', 'diff.renames', 'false');
  git('config', 'diff.relative', 'true');
});
afterAll(() => rmSync(BASE, { recursive: true }));

function run(args: string[], files: Record<string, string | Buffer>, directory = repository) {
  let [out, err] = ['', ''];
  const code = assayctl(['validate', ...args], {
    read: (file) => {
      if (!Object.hasOwn(files, file)) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return Buffer.from(files[file]!);
    },
    run: (program, given) => runProgram(directory, program, given),
    out: (text) => (out += text),
    err: (text) => (err += text),
    env: {},
    colour: false,
    columns: 100,
  });
  return { code, out, err, json: () => JSON.parse(out) as Record<string, unknown> };
}

const kept = (verdict: Record<string, unknown>) =>
  (verdict['result'] as { findings: { file: string }[] }).findings.map(({ file }) => file);

describe('raw output beside a list of changed files', () => {
  it('VAL-13.e is judged as the submission that names them', () => {
    const answer = anAnswer('src/a.c', 'docs/\u00e9.md', 'other.c');
    const list = 'src/a.c\n"docs/\\303\\251.md"\n';
    const { code, json } = run(['answer', '--changed-files', 'list', '--json'], { answer, list });
    const submission = {
      ...{ changelist_id: 'x', review_version: 1, review_result: answer },
      changed_files: ['src/a.c', 'docs/\u00e9.md'],
    };
    expect([code, json()]).toEqual([0, run(['s', '--json'], { s: JSON.stringify(submission) }).json()]);
    expect(json()).toMatchObject({ counts: { kept: 2, dropped: 1, by_code: { code_fence_removed: 1 } } });
  });

  it('VAL-13.e takes names with a NUL behind each, from standard input, and a root', () => {
    const files = { answer: anAnswer('/ws/src/two\nlines.c'), '-': 'src/two\nlines.c\0' };
    const { code, json } = run(['answer', '--changed-files', '-', '--root', '/ws', '--json'], files);
    expect([code, kept(json())]).toEqual([0, ['src/two\nlines.c']]);
  });

  it('VAL-13.e VAL-17.e explains raw output that is rejected, text or not, and answers 1', () => {
    const list = 'a.c';
    const judged = (answer: string | Buffer) => run(['answer', '--changed-files', 'list'], { answer, list });
    expect(judged("{'a': 1}")).toMatchObject({ code: 1, err: '' });
    expect(judged('{"a": 1} Done.').out).toMatch(/text_around_json {2}line 1, column 10.*\n.*Done\.\n {4} +\^/);
    expect(judged(Buffer.from(anAnswer(), 'utf16le')).out).toMatch(/rejected.*\n.*\n\nutf16 {2}line 1/);
    expect(judged(Buffer.from('{"a": "\xe9"}', 'latin1')).out).toContain('not_utf8');
    expect(judged('x'.repeat(2 * 1024 * 1024 + 1)).out).toContain('413 payload_too_large');
  });

  it('VAL-13.c VAL-13.e refuses names as every door refuses them', () => {
    const files = { answer: anAnswer(), list: 'a.c\n"b\\x"\n', own: '{"changed_by":"me","entries":["//depot/p/..."]}' };
    const refused = run(['answer', '--changed-files', 'list'], files);
    expect([refused.code, refused.out]).toEqual([1, expect.stringContaining('/changed_files/1 must be quoted as git')]);
    const denied = run(['answer', '--changed-files', 'list', '--allow-list', 'own'], { ...files, list: 'a.c' });
    expect([denied.code, denied.out]).toEqual([1, expect.stringContaining('403 depot_path_not_allowed')]);
  });

  it.each<[string, string[], RegExp]>([
    ['an empty list', ['answer', '--changed-files', 'empty'], /the list of changed files empty names none/],
    ['a list that is not there', ['answer', '--changed-files', 'x'], /the list of changed files x cannot be read/],
    ['a list of UTF-16', ['answer', '--changed-files', 'wide'], /the list of changed files wide is not UTF-8/],
    ['a list and git', ['answer', '--changed-files', 'list', '--git', 'a..b'], /--changed-files or --git, not both/],
    ['standard input twice', ['-', '--changed-files', '-'], /raw output or the changed files, not both/],
    ['a root for a submission', ['answer', '--root', '/ws'], /a submission names its own root/],
    ['raw output that is not there', ['x', '--changed-files', 'list'], /the raw output x cannot be read/],
  ])('VAL-13.e answers 2 for %s, and says what is wrong', (_title, args, fault) => {
    const wide = Buffer.from('\ufeffa.c', 'utf16le');
    const { code, out, err } = run(args, { answer: anAnswer(), list: 'a.c', empty: '\n \n', '-': '', wide });
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(fault);
  });
});

describe('raw output beside a range of git', () => {
  const ranged = (range: string, answer = anAnswer('lib/b.c'), directory?: string) =>
    run(['answer', `--git=${range}`, '--json'], { answer }, directory);

  it('VAL-13.f ING-1.f takes the names from git, those before a rename too', () => {
    const files = ['docs/\u00e9t\u00e9 "x".md', 'lib/b.c', 'src/a.c', 'src/gone.c', 'same.c'];
    const { code, json } = ranged('before..HEAD', anAnswer(...files));
    expect(code).toBe(0);
    expect(kept(json())).toEqual([files[0], 'lib/b.c', 'lib/b.c', 'src/gone.c']);
    expect(json()).toMatchObject({ counts: { by_code: { path_normalized: 1, file_not_in_changed_files: 1 } } });
  });

  it('VAL-13.f names files from the top of the work tree, wherever in it this runs', () => {
    const { json } = ranged('before..', anAnswer('lib/b.c'), join(repository, 'docs'));
    expect(kept(json())).toEqual(['lib/b.c']);
    expect(kept(ranged('before...main').json())).toEqual(['lib/b.c']);
  });

  it.each<[string, string, RegExp]>([
    ['no range', 'main', /--git takes BASE\.\.HEAD, or BASE\.\.\.HEAD/],
    [
      'a revision that is not there',
      'nowhere..HEAD',
      /git knows no revision "nowhere"; a shallow clone has to fetch it/,
    ],
    ['another', 'main..v9', /git knows no revision "v9"/],
    ['an option', '--output=x..HEAD', /git knows no revision "--output=x"/],
    ['nothing that changed', 'main..HEAD', /between main\.\.HEAD no file has changed/],
  ])('VAL-13.f answers 2 for %s, and says what is wrong', (_title, range, fault) => {
    const { code, out, err } = ranged(range);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(fault);
  });

  it('VAL-13.f answers 2 where there is no repository, and where there is no git', () => {
    expect(ranged('a..b', '', BASE)).toMatchObject({ code: 2, err: expect.stringMatching(/not a git repository/) });
    const gone = ranged('a..b', '', join(BASE, 'gone'));
    expect(gone).toMatchObject({ code: 2, err: expect.stringContaining('git cannot be run (ENOENT)') });
  });

  it('VAL-13.f answers 2 for a name that is not UTF-8', () => {
    const odd = Buffer.concat([Buffer.from(`${repository}/caf`), Buffer.from([0xe9])]);
    writeFileSync(odd, 'x');
    commit('odd');
    expect(ranged('HEAD~1..HEAD')).toMatchObject({ code: 2, err: expect.stringContaining('not UTF-8: caf\u00e9') });
  });
});
