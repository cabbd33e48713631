import { describe, expect, it } from '@jest/globals';
import { normalizePath, prepareChangedFiles, readRoot, unquoteGitPath } from './index.js';

describe('normalizePath', () => {
  it.each([
    ['src/a.c', 'src/a.c'],
    ['  src/a.c\t', 'src/a.c'],
    ['\ufeffsrc/a.c\u00a0', 'src/a.c'],
    ['src\\win\\a.c', 'src/win/a.c'],
    ['./src/a.c', 'src/a.c'],
    ['././src/./x/../a.c', null],
    ['src/./a.c', 'src/a.c'],
    ['src//x///a.c', 'src/x/a.c'],
    ['//depot/project/a.c#12', '//depot/project/a.c'],
    ['//depot/project/a.c@4242', '//depot/project/a.c'],
    ['//depot/a.c#1#2', '//depot/a.c'],
    ['//depot/a.c #1', '//depot/a.c'],
    ['//depot/a.c#head', '//depot/a.c'],
    ['//depot/a.c#have', '//depot/a.c'],
    ['//depot/a.c@=4242', '//depot/a.c'],
    ['//depot/a.c@release-1.0', '//depot/a.c'],
    ['//depot/a%40b%23c.c#3', '//depot/a%40b%23c.c'],
    ['//depot/pkg@1/a.c', '//depot/pkg@1/a.c'],
    ['//depot/#12', '//depot/#12'],
    ['fix#42', 'fix#42'],
    ['src/a.c@4242', 'src/a.c@4242'],
    ['/abs/a.c#3', '/abs/a.c#3'],
    ['//depot//project/a.c', '//depot/project/a.c'],
    ['/abs/a.c', '/abs/a.c'],
    ['a.c#head', 'a.c#head'],
    ['pkg@1/a.c', 'pkg@1/a.c'],
    ['v10', 'v10'],
    ['#12', '#12'],
    ['.github/workflows/ci.yml', '.github/workflows/ci.yml'],
    ['src/a.c ', 'src/a.c'],
    [' src/a.c', 'src/a.c'],
    ['src/a.c\u00a0', 'src/a.c'],
    ['\u00a0src/a.c', 'src/a.c'],
    ['/abs//a.c', '/abs/a.c'],
    ['\\abs\\a.c', '/abs/a.c'],
    ['/./a.c', '/a.c'],
    ['//./a.c', '//a.c'],
    ['///a.c', '//a.c'],
    ['/x/./a.c', '/x/a.c'],
    ['./ a.c', 'a.c'],
    ['x// a.c', 'x/ a.c'],
    ['// a.c', '// a.c'],
    ['/.// a.c', '/ a.c'],
    ['pkg@1//a.c', 'pkg@1/a.c'],
    ['src//a#', 'src/a#'],
    ['./#12', '#12'],
    ['./12', '12'],
    ['./ab12', 'ab12'],
    ['//depot/a.c#9', '//depot/a.c'],
    ['//depot/a.c@0', '//depot/a.c'],
    ['a.c#1@', 'a.c#1@'],
  ])('VAL-6.b normalises %j to %j', (path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  it.each(['', '   ', '.', './', '/', '//', 'src/', 'src/.', '//depot/.#3'])('VAL-6.b finds no file in %j', (path) => {
    expect(normalizePath(path)).toBeNull();
  });

  it.each([
    '..',
    '../a.c',
    'a/../b.c',
    'a/..',
    '..\\a.c',
    ' ../a.c',
    '//depot/../a.c',
    '//depot/..#1',
    '//a/..@2',
    'file:///depot/%2e%2e/a.c',
    '"a/../\\303\\251.c"',
    '/..',
    '//..',
    '/../a',
  ])('VAL-6.c never matches %j', (path) => {
    expect(normalizePath(path)).toBeNull();
  });

  it('VAL-12.h normalises a path of 64 KiB of revisions in linear time', () => {
    expect(normalizePath('//d/a' + '#1'.repeat(32 * 1024)) === '//d/a').toBe(true);
    expect(normalizePath('//d/a' + ' #1'.repeat(32 * 1024)) === '//d/a').toBe(true);
  });
});

describe('readRoot', () => {
  it.each([
    ['//depot/project', '//depot/project'],
    ['//depot/project/', '//depot/project'],
    ['//depot/project/...', '//depot/project'],
    [' //depot\\project ', '//depot/project'],
    ['//depot/project/... ', '//depot/project'],
    ['//depot/project///', '//depot/project'],
    ['//depot', '//depot'],
  ])('VAL-6.a reads the depot root %j as %j', (root, directory) => {
    expect(readRoot(root)).toEqual({ kind: 'depot', directory });
  });

  it.each([
    ['/home/runner/work/repo', '/home/runner/work/repo/'],
    ['/home//runner/./work/ ', '/home/runner/work/'],
    ['/var/jenkins/workspace/job@2', '/var/jenkins/workspace/job@2/'],
    ['/', '/'],
    ['/\\depot', '/depot/'],
    ['C:\\agent\\_work', 'C:/agent/_work/'],
    ['d:/a/1/', 'D:/a/1/'],
    ['C:\\', 'C:/'],
    ['\\\\build01\\ws\\repo', '//build01/ws/repo/'],
  ])('VAL-6.f reads the workspace root %j as %j', (root, prefix) => {
    expect(readRoot(root)).toMatchObject({ kind: 'workspace', prefix });
  });

  it.each([
    '',
    '  ',
    '//',
    '//depot/../x',
    'services/api',
    './x',
    '..',
    '/ws/../x',
    'C:x',
    'C:',
    '\\ws',
    '\\\\host',
    '~',
  ])('VAL-6.f finds neither depot nor workspace in %j', (root) => {
    expect(readRoot(root)).toEqual({ kind: 'unusable' });
  });

  it('VAL-6.f knows a submission without a root', () => {
    expect([readRoot(null), readRoot(undefined)]).toEqual([null, null]);
  });
});

describe('prepareChangedFiles', () => {
  it('VAL-6.a matches a path that equals a changed file in normal form', () => {
    const files = prepareChangedFiles({ changed_files: ['//depot/p/a.c#12', 'src\\b.c'] });
    expect(files.match('//depot/p/a.c')).toBe('//depot/p/a.c');
    expect(files.match('src/b.c')).toBe('src/b.c');
    expect(files.match('b.c')).toBeNull();
  });

  it('VAL-6.a matches once root is put before the relative one of the two', () => {
    const files = prepareChangedFiles({ changed_files: ['//depot/p/a.c', 'src/b.c'], root: '//depot/p/' });
    expect(files.match('a.c')).toBe('//depot/p/a.c');
    expect(files.match('//depot/p/src/b.c')).toBe('src/b.c');
    expect(files.match('//depot/project/src/b.c')).toBeNull();
    expect(files.match('/a.c')).toBeNull();
    expect(files.match('nothing.c')).toBeNull();
    expect(files.match('//depot/q/src/b.c')).toBeNull();
    expect(files.match('//depot/pxsrc/b.c')).toBeNull();
    expect(files.match('//depot/P/src/b.c')).toBeNull();
  });

  it.each([
    ['/home/runner/work/repo', '/home/runner/work/repo/src/a.c'],
    ['C:\\agent\\_work\\1', 'C:/agent/_work/1/src/a.c'],
    ['C:\\agent\\_work\\1', 'c:/agent/_work/1/src/a.c'],
    ['\\\\build01\\ws', '//build01/ws/src/a.c'],
    ['/ws/job@2', '/ws/job@2/src/a.c'],
    ['/', '/src/a.c'],
  ])('VAL-6.f takes the workspace root %j off what a finding names, %j', (root, file) => {
    const files = prepareChangedFiles({ changed_files: ['src/a.c', '//depot/p/b.c'], root });
    expect(files.match(file)).toBe('src/a.c');
    expect(files.match('src/a.c')).toBe('src/a.c');
    expect(files.match('//depot/p/b.c')).toBe('//depot/p/b.c');
    expect(files.match('/elsewhere/src/a.c')).toBeNull();
    expect(files.match(file.replace('/src/', '-2/src/'))).toBeNull();
  });

  it('VAL-6.f takes a workspace root off changed files, and puts it before nothing', () => {
    const changed_files = ['/ws/src/a.c', 'src/b.c', '/elsewhere/c.c', '..'];
    const files = prepareChangedFiles({ changed_files, root: '/ws' });
    expect(files.match('/ws/src/a.c')).toBe('src/a.c');
    expect(files.match('src/a.c')).toBe('src/a.c');
    expect(files.match('/elsewhere/c.c')).toBe('/elsewhere/c.c');
    expect(files.match('c.c')).toBeNull();
    expect(prepareChangedFiles({ changed_files: ['/WS/a.c'], root: '/ws' }).match('/ws/a.c')).toBeNull();
    const folded = prepareChangedFiles({ changed_files: ['/WS/a.c'], root: '/ws', case_insensitive_paths: true });
    expect(folded.match('/Ws/A.c')).toBe('a.c');
  });

  it('VAL-6.f leaves a depot path a depot path under a share of its name', () => {
    const files = prepareChangedFiles({ changed_files: ['//depot/p/a.c', '\\\\depot\\p\\b.c'], root: '\\\\depot\\p' });
    expect(files.match('//depot/p/a.c')).toBe('//depot/p/a.c');
    expect(files.match('//depot/p/b.c')).toBe('b.c');
  });

  it('VAL-6.d lets case count unless the submission says otherwise', () => {
    const changed_files = ['Src/A.c', 'src/a.c', '//Depot/P/X.c'];
    expect(prepareChangedFiles({ changed_files }).match('SRC/A.C')).toBeNull();
    const folded = prepareChangedFiles({ changed_files, case_insensitive_paths: true, root: '//depot/p' });
    expect(folded.match('SRC/A.C')).toBe('Src/A.c');
    expect(folded.match('src/a.c')).toBe('src/a.c');
    expect(folded.match('x.c')).toBe('//Depot/P/X.c');
    expect(folded.match('//DEPOT/P/SRC/A.c')).toBe('Src/A.c');
    expect(folded.match('//depot/q/src/a.c')).toBeNull();
    expect(folded.match('//elsewhere/a.c')).toBeNull();
    const without = prepareChangedFiles({ changed_files: ['..', 'null/A.c'], case_insensitive_paths: true });
    expect(without.match('NULL/a.c')).toBe('null/A.c');
    expect(without.match('a.c')).toBeNull();
  });

  it('VAL-6.c matches nothing against a changed file with two dots', () => {
    const files = prepareChangedFiles({ changed_files: ['../a.c', 'a.c'], root: '//depot/..' });
    expect(files.match('../a.c')).toBeNull();
    expect(files.match('a.c')).toBe('a.c');
  });
});

describe('names as tools write them', () => {
  const composed = 'docs/\u00e9t\u00e9.md';
  const decomposed = 'docs/e\u0301te\u0301.md';

  it('VAL-6.l matches names in Unicode NFC', () => {
    expect(normalizePath(decomposed)).toBe(composed);
    expect(normalizePath(composed)).toBe(composed);
    for (const changed of [composed, decomposed]) {
      const files = prepareChangedFiles({ changed_files: [changed] });
      expect([files.match(composed), files.match(decomposed)]).toEqual([composed, composed]);
    }
  });

  it.each([
    ['file:///home/x/a%20b.c', '/home/x/a b.c'],
    ['file://host/share/a.c', '/share/a.c'],
    ['FILE:/abs/a.c', '/abs/a.c'],
    ['file:///C:/src/a.c', 'C:/src/a.c'],
    ['file:////depot/p/a.c#3', '//depot/p/a.c'],
    ['file:///a%2520b', '/a%20b'],
    ['file:///a%zz', '/a%zz'],
    ['file:///a%00b', '/a%00b'],
    ['src/a%20b.c', 'src/a%20b.c'],
    ['file:a.c', 'file:a.c'],
    ['.\\file:///a%2520b', '/a%20b'],
  ])('VAL-6.g reads the file URI %j as %j', (uri, path) => {
    expect(normalizePath(uri)).toBe(path);
  });

  it.each([
    ['"docs/\\303\\251t\\303\\251.md"', composed],
    ['"a\\tb.c"', 'a\tb.c'],
    ['"say \\"hi\\".md"', 'say "hi".md'],
    ['"plain.md"', '"plain.md"'],
    ['"', '"'],
  ])('VAL-6.h unquotes %j as git does', (quoted, path) => {
    expect(unquoteGitPath(quoted)).toBe(path);
    expect(prepareChangedFiles({ changed_files: [quoted] }).match(path)).toBe(normalizePath(path));
  });

  it.each(['"a\\xb"', '"a\\30b"', '"a\\303b"', '"a"b\\n"', '"a\\"'])(
    'VAL-6.h finds the quoting of %j broken',
    (quoted) => {
      expect(unquoteGitPath(quoted)).toBeNull();
    },
  );

  it('VAL-6.i strips revisions from depot paths only', () => {
    const git = prepareChangedFiles({ changed_files: ['fix#42', 'fix#43', 'icon@2'] });
    expect([git.match('fix#42'), git.match('fix#43'), git.match('fix'), git.match('icon@2')]).toEqual([
      'fix#42',
      'fix#43',
      null,
      'icon@2',
    ]);
    const depot = prepareChangedFiles({ changed_files: ['//depot/p/a.c#7', 'b.c#2'], root: '//depot/p' });
    for (const path of ['a.c', 'a.c#7', 'a.c@=4242', '//depot/p/a.c#head', '//depot/p/a.c@label', 'a.c#have']) {
      expect(depot.match(path)).toBe('//depot/p/a.c');
    }
    expect(depot.match('b.c#2')).toBe('b.c#2');
  });

  it('VAL-6.j lets the encodings of Perforce meet the plain form', () => {
    const changed_files = ['//depot/p/icon%402x%23%25%2A.png#3'];
    const files = prepareChangedFiles({ changed_files, root: '//depot/p' });
    const [file] = ['//depot/p/icon%402x%23%25%2A.png'];
    for (const path of [file!, 'icon@2x#%*.png', 'icon%402x%23%25%2a.png', 'icon%402x%23%25%2A.png@4242']) {
      expect(files.match(path)).toBe(file);
    }
    expect(files.match('icon.png')).toBeNull();
    expect(prepareChangedFiles({ changed_files: ['a%40b'] }).match('a@b')).toBeNull();
  });

  it('VAL-6.k names the nearest changed file: another letter case, another directory', () => {
    const changed_files = ['src/Store.ts', 'lib/new/name.ts', 'a/index.ts', 'b/index.ts'];
    const files = prepareChangedFiles({ changed_files });
    expect(files.nearest('src/store.ts')).toBe('src/Store.ts');
    expect(files.nearest('lib/old/name.ts')).toBe('lib/new/name.ts');
    expect(files.nearest('lib/old/Name.ts')).toBe('lib/new/name.ts');
    expect(files.nearest('c/index.ts')).toBeNull();
    expect(files.nearest('other.ts')).toBeNull();
    expect(files.nearest('../store.ts')).toBeNull();
  });

  it('VAL-6.k names the file that looks the same in another normal form', () => {
    const files = prepareChangedFiles({ changed_files: ['src/\ufb01le.ts', 'src/other.ts'] });
    expect(files.nearest('src/file.ts')).toBe('src/\ufb01le.ts');
    expect(files.nearest('src/\uff46ile.ts')).toBe('src/\ufb01le.ts');
  });

  it.each([
    ['/ws', 'file:///ws/docs/e%CC%81te%CC%81.md', composed],
    ['/ws', '"/ws/docs/\\303\\251t\\303\\251.md"', composed],
    ['/home/Jose\u0301', '/home/Jos\u00e9/docs/e\u0301te\u0301.md', composed],
    ['C:\\ws', 'file:///c%3A/ws/icon@2x.png', 'icon@2x.png'],
    ['/ws/job@2', '/ws/job@2/fix#42', 'fix#42'],
    ['\\\\build01\\ws@2', '\\\\build01\\ws@2\\icon@2x.png', 'icon@2x.png'],
    ['\\\\build01\\ws', '//build01/ws/fix#42', 'fix#42'],
  ])('VAL-6.f takes the workspace root %j off %j as a tool writes it', (root, path, file) => {
    const changed_files = ['docs/e\u0301te\u0301.md', 'icon@2x.png', 'icon', 'fix#42', 'fix'];
    expect(prepareChangedFiles({ changed_files, root }).match(path)).toBe(file);
    if (path.startsWith('//')) return;
    const named = prepareChangedFiles({ changed_files: [path], root });
    expect([named.match(file), named.match(path)]).toEqual([file, file]);
  });

  it('VAL-6.f leaves in normal form what stands below a workspace', () => {
    const files = prepareChangedFiles({
      changed_files: ['/ws/ a.c', '/ws/file:/etc/b.c', '/ws/file:/../c.c'],
      root: '/ws',
    });
    expect(files.match('a.c')).toBe('a.c');
    expect(files.match('file:/etc/b.c')).toBe('/etc/b.c');
    expect(files.match('c.c')).toBeNull();
  });

  it('VAL-6.k names the file that is nearest below a workspace', () => {
    const files = prepareChangedFiles({ changed_files: ['src/Index.ts', 'lib/index.ts'], root: 'C:\\ws' });
    expect(files.nearest('c:\\ws\\src\\index.ts')).toBe('src/Index.ts');
    expect(files.nearest('D:\\ws\\src\\index.ts')).toBeNull();
  });
});
