import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge } from '../engine/samples.js';
import { compileAllowList, prepareChangedFiles } from './index.js';

describe('names with a backslash', () => {
  it('VAL-6.m takes a backslash for a separator', () => {
    const files = prepareChangedFiles({ changed_files: ['src/a.c', 'lib\\b.c'] });
    expect(files.match('src\\a.c')).toBe('src/a.c');
    expect(files.match('.\\src\\a.c')).toBe('src/a.c');
    expect(files.match('lib/b.c')).toBe('lib/b.c');
    expect(files.match('.\\lib\\b.c')).toBe('lib/b.c');
  });

  it.each([
    ['src\\a.c', 'src\\a.c'],
    ['"src\\\\a.c"', 'src\\a.c'],
    ['./dir/x\\y.c', 'dir/x\\y.c'],
    ['file:///ws/x%5Cy.c', '/ws/x\\y.c'],
    ['caf\u00e9\\e\u0301.c', 'caf\u00e9\\\u00e9.c'],
  ])('VAL-6.m leaves it a character where a finding and the changed file %j both have it', (written, name) => {
    const files = prepareChangedFiles({ changed_files: ['src/a.c', 'dir/x/y.c', written] });
    expect(files.match(written)).toBe(name);
    expect(files.match(name)).toBe(name);
    expect(files.match(name.replaceAll('\\', '/'))).toBe(name.replaceAll('\\', '/'));
  });

  it('VAL-6.m tells two files of git apart that differ in it alone, and judging again changes nothing', () => {
    const changed_files = ['src\\a.c', 'src/a.c'];
    const findings = [aFinding({ file: 'src\\a.c' }), aFinding({ id: 'F2', file: 'src/a.c' })];
    const verdict = judge(aResult({ findings }), { changed_files });
    expect(verdict.result!.findings).toEqual(findings);
    expect(verdict.diagnostics).toEqual([]);
  });

  it('VAL-6.m takes it off below a workspace of POSIX, and knows separators alone on a drive or share', () => {
    const posix = prepareChangedFiles({ changed_files: ['/ws/x\\y.c'], root: '/ws' });
    expect([posix.match('/ws/x\\y.c'), posix.match('x\\y.c'), posix.match('x/y.c')]).toEqual([
      'x\\y.c',
      'x\\y.c',
      'x/y.c',
    ]);
    for (const root of ['C:\\ws', '\\\\host\\ws']) {
      const files = prepareChangedFiles({ changed_files: [`${root}\\x\\y.c`, 'p\\q.c'], root });
      expect([files.match(`${root}\\x\\y.c`), files.match('x\\y.c'), files.match('p\\q.c')]).toEqual([
        'x/y.c',
        'x/y.c',
        'p/q.c',
      ]);
    }
    const absolute = prepareChangedFiles({ changed_files: ['D:\\x\\y.c', '\\\\host\\share\\z.c'] });
    expect(absolute.match('D:\\x\\y.c')).toBe('D:/x/y.c');
    expect(absolute.match('\\\\host\\share\\z.c')).toBe('//host/share/z.c');
  });

  it.each(['..\\a.c', 'a\\..\\b.c', 'src\\', 'x/..\\..\\etc'])('VAL-6.c VAL-6.m never matches %j', (path) => {
    expect(prepareChangedFiles({ changed_files: [path] }).match(path)).toBeNull();
  });

  it('VAL-6.n SEC-1.d admits a name with a backslash only in both readings', () => {
    const denied = (entries: string[], path: string, root?: string) =>
      compileAllowList(entries).denied({ changed_files: [path], ...(root !== undefined && { root }) });
    // Allowed as a path alone; as a name alone.
    expect(denied(['//depot/p/open/...'], '//depot/p/open\\a.c')).toEqual(['//depot/p/open\\a.c']);
    expect(denied(['./...'], '\\depot\\secret')).toEqual(['\\depot\\secret']);
    expect(denied(['//depot/p/...'], '//depot/p/open\\a.c')).toEqual([]);
    expect(denied(['./...'], 'src\\a.c')).toEqual([]);
    expect(denied(['./...'], 'src\\..\\a.c')).toEqual(['src\\..\\a.c']);
    expect(denied(['./...'], '/ws/x\\y.c', '/ws')).toEqual([]);
    expect(denied(['//depot/p/...'], '"//depot/p/a\\\\b.c"')).toEqual([]);
    expect(denied(['//depot/p/a/...'], 'file:////depot/p/a%5Cb.c')).toEqual(['file:////depot/p/a%5Cb.c']);
  });
});
