import { describe, expect, it } from '@jest/globals';
import { normalizePath, normalizeRoot, prepareChangedFiles } from './index.js';

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

describe('normalizeRoot', () => {
  it.each([
    ['//depot/project', '//depot/project'],
    ['//depot/project/', '//depot/project'],
    ['//depot/project/...', '//depot/project'],
    [' \\\\depot\\project ', '//depot/project'],
    ['', null],
    ['//', null],
    ['//depot/../x', null],
    ['//depot/project/... ', '//depot/project'],
    ['//depot/project///', '//depot/project'],
    ['services/api', 'services/api'],
    ['/', null],
    [null, null],
    [undefined, null],
  ])('VAL-6.a reads the root %j as %j', (root, expected) => {
    expect(normalizeRoot(root)).toBe(expected);
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

  it('VAL-6.a matches with a relative root too', () => {
    const files = prepareChangedFiles({ changed_files: ['services/api/a.c', 'b.c'], root: 'services/api' });
    expect(files.match('a.c')).toBe('services/api/a.c');
    expect(files.match('services/api/b.c')).toBe('b.c');
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
