import { describe, expect, it } from '@jest/globals';
import { normalizePath, prepareChangedFiles, readRoot } from './index.js';

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
    ['a.c#1#2', 'a.c'],
    ['a.c #1', 'a.c'],
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
    ['a.c#9', 'a.c'],
    ['a.c@0', 'a.c'],
    ['a.c#1@', 'a.c#1@'],
  ])('VAL-6.b normalises %j to %j', (path, expected) => {
    expect(normalizePath(path)).toBe(expected);
  });

  it.each(['', '   ', '.', './', '/', '//', 'src/', 'src/.', 'src/.#3'])('VAL-6.b finds no file in %j', (path) => {
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
    '..#1',
    'a/..@2',
    '/..',
    '//..',
    '/../a',
  ])('VAL-6.c never matches %j', (path) => {
    expect(normalizePath(path)).toBeNull();
  });

  it('VAL-12.h normalises a path of 64 KiB of revisions in linear time', () => {
    expect(normalizePath('a' + '#1'.repeat(32 * 1024))).toBe('a');
    expect(normalizePath('a' + ' #1'.repeat(32 * 1024))).toBe('a');
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
