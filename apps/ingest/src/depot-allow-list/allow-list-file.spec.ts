import { describe, expect, it } from '@jest/globals';
import { parseAllowListFile } from './allow-list-file.js';

const file = (over: Record<string, unknown> = {}) =>
  JSON.stringify({ changed_by: 'ops', entries: ['//depot/project/...'], ...over });

describe('parseAllowListFile', () => {
  it('SEC-1.b gives a list that compares whole segments', () => {
    const { list, changed_by } = parseAllowListFile(file());
    expect(changed_by).toBe('ops');
    expect(list.denied({ changed_files: ['//depot/project/a.ts', '//depot/project-secret/a.ts'] })).toEqual([
      '//depot/project-secret/a.ts',
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['is not JSON', '{', /not JSON/],
    ['is no object', '[]', /"changed_by" and "entries"/],
    ['lists nothing', file({ entries: [] }), /at least one entry/],
    ['has a bad entry', file({ entries: ['//depot/ok/...', '//depot/../x'] }), /\/\/depot\/\.\.\/x/],
    ['has several bad entries', file({ entries: ['a/*', '//depot/...'] }), /a\/\*.*\/\/depot\/\.\.\./],
    ['does not say who changed it', file({ changed_by: ' ' }), /changed_by/],
    ['has a member that means nothing', file({ entires: [] }), /entires/],
  ])('SEC-1.a refuses a file that %s', (_title, text, message) => {
    expect(() => parseAllowListFile(text)).toThrow(message);
  });
});
