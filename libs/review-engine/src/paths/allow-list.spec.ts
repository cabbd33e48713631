import { describe, expect, it } from '@jest/globals';
import { AllowListError, compileAllowList, normalizePath, readAllowListFile, readRoot } from './index.js';

describe('compileAllowList', () => {
  it.each([
    ['depot/project/...', 'must start with //'],
    ['//depot/project/../x/...', '.. is not allowed'],
    ['//depot/project/./x/...', 'not in normal form'],
    ['//depot/*/x', '* and %% are not understood; only ... at the end is'],
    ['//depot/%%1/x', '* and %% are not understood; only ... at the end is'],
    ['//depot/.../x.c', 'only as the whole last segment'],
    ['//depot/project...', 'only as the whole last segment'],
    ['//depot/...', 'broad'],
    ['//...', 'not in normal form'],
    ['//depot', 'names a depot'],
    ['//depot/project/', 'not in normal form'],
    ['//depot//project/...', 'not in normal form'],
    ['//depot/project/a.c#12', 'not in normal form'],
    ['//depot\\project\\...', 'only as the whole last segment'],
    [' //depot/project/...', 'white space'],
    ['', 'empty'],
    ['src/a.c', 'must start with //'],
    ['./src/...', 'must start with //'],
  ])('SEC-1.a refuses the entry %j and says why', (path, reason) => {
    expect(() => compileAllowList([path])).toThrow(AllowListError);
    expect(() => compileAllowList([path])).toThrow(JSON.stringify(path));
    expect(() => compileAllowList([path])).toThrow(reason);
  });

  it('SEC-1.a names every bad entry at once', () => {
    const compile = () => compileAllowList(['//depot/ok/...', 'bad/one', { path: '//depot/...' }, { glob: 'x' }, 7]);
    expect(compile).toThrow(/entry 2 "bad\/one".*entry 3 "\/\/depot\/\.\.\.".*entry 4.*entry 5/s);
  });

  it.each([
    [null],
    [7],
    [[]],
    [{}],
    [{ path: 5 }],
    [{ path: '//depot/p/...', glob: 1 }],
    [{ path: '//depot/p/...', broad: 'yes' }],
  ])('SEC-1.a refuses the entry %j, which is no path', (entry) => {
    const compile = () => compileAllowList(['//depot/ok/...', entry]);
    expect(compile).toThrow(expect.objectContaining({ name: 'AllowListError' }));
    expect(compile).toThrow(
      'the depot allow-list cannot be used: entry 2: expected a path, or {"path": "…", "broad": true}, and nothing else',
    );
  });

  it('SEC-1.a parts the faults it names', () => {
    expect(() => compileAllowList(['x', 'y'])).toThrow(
      /^the depot allow-list cannot be used: entry 1 "x".*; entry 2 "y"/,
    );
  });

  it('keeps the entries in one order, each once', () => {
    const { entries } = compileAllowList(['//depot/b/...', './...', { path: '//depot/a/...' }, '//depot/b/...']);
    expect(entries.map(({ path }) => path)).toEqual(['./...', '//depot/a/...', '//depot/b/...']);
  });

  it.each([[[]], [null], [undefined], [{}], ['//depot/p/...']])('SEC-1.d refuses %j for a list', (entries) => {
    expect(() => compileAllowList(entries)).toThrow(AllowListError);
  });

  it('SEC-1.a takes a whole depot when it is marked broad', () => {
    const list = compileAllowList([{ path: '//depot/...', broad: true }]);
    expect(list.allows('//depot/x/a.c')).toBe(true);
    expect(list.allows('//depot2/x/a.c')).toBe(false);
  });

  it('SEC-1.b compares whole segments', () => {
    const list = compileAllowList(['//depot/project/...', '//depot/one/exact.c']);
    expect(list.allows('//depot/project/src/a.c')).toBe(true);
    expect(list.allows('//depot/project-secret/a.c')).toBe(false);
    expect(list.allows('//depot/project')).toBe(false);
    expect(list.allows('//depot/one/exact.c')).toBe(true);
    expect(list.allows('//depot/one/exact.cpp')).toBe(false);
    expect(list.allows('//Depot/project/a.c')).toBe(false);
    expect(compileAllowList(['//depot/README.md']).allows('//depot/README.md')).toBe(true);
  });

  it('SEC-1.c judges a relative path under a depot root, or by ./...', () => {
    const depot = compileAllowList(['//depot/project/...']);
    expect(depot.allows('src/a.c', readRoot('//depot/project'))).toBe(true);
    expect(depot.allows('src/a.c', readRoot('//depot/project-secret'))).toBe(false);
    expect(depot.allows('src/a.c')).toBe(false);
    const relative = compileAllowList(['./...']);
    expect(relative.allows('src/a.c')).toBe(true);
    expect(relative.allows('src/a.c', null)).toBe(true);
    expect(relative.allows('src/a.c', readRoot('//depot/project'))).toBe(false);
    expect(relative.allows('//depot/project/a.c')).toBe(false);
  });

  it.each(['/home/runner/work/repo', 'C:\\agent\\_work\\1', '\\\\build01\\ws'])(
    'SEC-1.e judges what is left below the workspace %s by ./...',
    (root) => {
      const changed_files = ['src/a.c', `${root}/src/b.c`.replaceAll('/', root.startsWith('/') ? '/' : '\\')];
      expect(compileAllowList(['./...']).denied({ changed_files, root })).toEqual([]);
      expect(compileAllowList(['//build01/ws/...']).denied({ changed_files, root })).toEqual(changed_files);
      const elsewhere = ['/etc/passwd', 'C:\\Windows\\a.c', '//build01/ws/a.c', `${root}/../x.c`];
      expect(compileAllowList(['./...']).denied({ changed_files: elsewhere, root })).toEqual(elsewhere);
    },
  );

  it.each(['/', '/depot', '\\\\depot\\secret'])(
    'SEC-1.e lets the workspace %s take no depot path off the list',
    (root) => {
      const changed_files = [
        '//depot/secret/a.c',
        '\\/depot/secret/a.c',
        'file:////depot/secret/a.c',
        'file:/%2Fdepot/secret/a.c',
        '"//depot/secret/\\303\\251.c"',
        '"\\\\\\\\depot\\\\secret\\\\a.c"',
        '//depot/secret/a.c#head',
        `${root}/file:/%2Fdepot/secret/a.c`,
      ];
      for (const case_insensitive_paths of [false, true]) {
        const files = { changed_files, root, case_insensitive_paths };
        expect(compileAllowList(['./...', '//depot/open/...']).denied(files)).toEqual(changed_files);
      }
    },
  );

  it('SEC-1.d allows nothing that is in doubt', () => {
    const list = compileAllowList(['./...', '//depot/project/...']);
    expect(list.allows(normalizePath('../a.c'))).toBe(false);
    expect(list.allows(normalizePath('//depot/project/../other/a.c'))).toBe(false);
    for (const root of ['../up', 'relative/root', '', '//depot/..']) {
      expect(list.allows('a.c', readRoot(root))).toBe(false);
    }
    expect(list.allows('/etc/passwd')).toBe(false);
    expect(list.allows('C:/Windows/a.c')).toBe(false);
    expect(list.denied({ changed_files: ['C:/a.c'], root: '//depot/project' })).toEqual(['C:/a.c']);
  });

  it('SEC-1.b lists the changed files that are denied, as they came', () => {
    const list = compileAllowList(['//depot/project/...']);
    const changed_files = ['//depot/project/a.c#3', '//depot/secret/b.c#1', 'src\\c.c', '../d.c'];
    expect(list.denied({ changed_files, root: '//depot/project' })).toEqual(['//depot/secret/b.c#1', '../d.c']);
  });

  it('VAL-7.d gives one hash for the same entries in any order, another for others', () => {
    const one = compileAllowList(['//depot/a/...', './...']).hash;
    expect(compileAllowList(['./...', { path: '//depot/a/...' }, './...']).hash).toBe(one);
    expect(compileAllowList(['//depot/a/...']).hash).not.toBe(one);
    expect(compileAllowList(['./...', '//depot/b/...']).hash).not.toBe(one);
    expect(compileAllowList(['./...', { path: '//depot/a/...', broad: true }]).hash).not.toBe(one);
    expect(one).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('readAllowListFile', () => {
  const file = (differs: object) => JSON.stringify({ changed_by: 'ops', entries: ['//depot/p/...'], ...differs });

  it('SEC-1.a reads who changed the list, and the list', () => {
    const { list, changed_by } = readAllowListFile(file({}));
    expect(changed_by).toBe('ops');
    expect(list.allows('//depot/p/a.c')).toBe(true);
  });

  it.each<[string, RegExp]>([
    ['{', /not JSON/],
    ['null', /not an object/],
    ['5', /not an object/],
    ['[]', /"changed_by" and "entries"/],
    [file({ entries: [] }), /at least one entry/],
    [file({ changed_by: undefined }), /"changed_by" must say who/],
    [file({ entires: [] }), /"entires" is not a member/],
    [file({ entries: ['//depot/ok/...', '//depot/../x'] }), /entry 2 "\/\/depot\/\.\.\/x"/],
    [file({ changed_by: ' ', entires: [], entries: ['x', '//depot/...'] }), /entires.*changed_by.*"x".*"\/\/depot/s],
  ])('SEC-1.a refuses the file %s with every fault', (text, faults) => {
    expect(() => readAllowListFile(text)).toThrow(faults);
  });
});
