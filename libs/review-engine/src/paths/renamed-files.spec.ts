import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge } from '../engine/samples.js';
import { compileAllowList, prepareChangedFiles } from './index.js';

const renamed = (path: string, previous_path: string | null) => ({ path, previous_path });

describe('changed files with a previous name', () => {
  it('ING-1.f moves a finding under the previous name to the path, and says so', () => {
    const changed_files = ['src/b.c', renamed('src/new.c', 'src/old.c')];
    const finding = aFinding({ file: 'src/old.c' });
    const verdict = judge(aResult({ findings: [finding, aFinding({ id: 'F2', file: 'src/new.c' })] }), {
      changed_files,
    });
    expect(verdict.result!.findings.map(({ file }) => file)).toEqual(['src/new.c', 'src/new.c']);
    expect(verdict.diagnostics).toMatchObject([
      { code: 'path_normalized', finding_index: 0, from: 'src/old.c', to: 'src/new.c' },
    ]);
  });

  it('ING-1.f knows a previous name in every form in which it knows a path', () => {
    const changed_files = [renamed('src/new.c', '//depot/p/old dir/caf\u00e9.c#3'), { path: 'src/plain.c' }];
    const files = prepareChangedFiles({ changed_files, root: '//depot/p' });
    for (const name of [
      'old dir/cafe\u0301.c',
      'file:////depot/p/old%20dir/caf%C3%A9.c',
      'old dir\\caf\u00e9.c#head',
    ]) {
      expect(files.match(name)).toBe('src/new.c');
    }
    expect(files.match('//depot/p/src/new.c')).toBe('src/new.c');
    expect(files.match('src/plain.c')).toBe('src/plain.c');
    const folded = prepareChangedFiles({ changed_files: [renamed('new.c', 'Old.c')], case_insensitive_paths: true });
    expect([folded.match('OLD.C'), folded.match('other.c')]).toEqual(['new.c', null]);
    const below = prepareChangedFiles({ changed_files: [renamed('/ws/new.c', '/ws/old.c')], root: '/ws' });
    expect([below.match('old.c'), below.match('/ws/old.c')]).toEqual(['new.c', 'new.c']);
  });

  it('ING-1.f leaves a name to the file that has it now, in whatever form it is written', () => {
    const swapped = prepareChangedFiles({ changed_files: [renamed('a.c', 'b.c'), renamed('b.c', 'a.c')] });
    expect([swapped.match('a.c'), swapped.match('b.c')]).toEqual(['a.c', 'b.c']);
    const changed_files = [renamed('new.c', 'a.c'), '//depot/p/a.c'];
    expect(prepareChangedFiles({ changed_files, root: '//depot/p' }).match('a.c')).toBe('//depot/p/a.c');
  });

  it('ING-1.f takes a previous name that two files had for neither', () => {
    const split = prepareChangedFiles({ changed_files: [renamed('b.c', 'a.c'), renamed('c.c', 'a.c')] });
    expect(split.match('a.c')).toBeNull();
    const twice = prepareChangedFiles({ changed_files: [renamed('b.c', 'a.c'), renamed('./b.c', 'a.c')] });
    expect(twice.match('a.c')).toBe('b.c');
  });

  it('ING-1.f VAL-6.c matches nothing by a previous name that names no file, or that moves to none', () => {
    const files = prepareChangedFiles({ changed_files: [renamed('a.c', '../x.c'), renamed('../a.c', 'y.c')] });
    expect([files.match('../x.c'), files.match('y.c'), files.match('a.c')]).toEqual([null, null, 'a.c']);
  });

  it('VAL-6.k names the nearest by what the files are called now', () => {
    const files = prepareChangedFiles({ changed_files: [renamed('src/Store.ts', 'src/old.ts')] });
    expect([files.nearest('src/store.ts'), files.nearest('src/Old.ts')]).toEqual(['src/Store.ts', null]);
  });

  it('ING-1.g SEC-1.b denies a renamed file of which either name is not allowed', () => {
    const list = compileAllowList(['//depot/p/...']);
    const denied = (path: string, previous_path: string | null) =>
      list.denied({ changed_files: [renamed(path, previous_path)], root: '//depot/p' });
    expect(denied('a.c', '//depot/secret/a.c')).toEqual(['//depot/secret/a.c']);
    expect(denied('//depot/secret/a.c', 'a.c')).toEqual(['//depot/secret/a.c']);
    expect(denied('../a.c', '../b.c')).toEqual(['../a.c', '../b.c']);
    expect([denied('a.c', 'b.c'), denied('a.c', null)]).toEqual([[], []]);
  });

  it('VAL-12.h prepares 20,000 renamed files in linear time', () => {
    const changed_files = Array.from({ length: 20_000 }, (_, index) => renamed(`b/${index}.c`, `a/${index}.c`));
    const files = prepareChangedFiles({ changed_files });
    expect(files.match('a/19999.c')).toBe('b/19999.c');
    expect(files.match('c/1.c')).toBeNull();
  });
});
