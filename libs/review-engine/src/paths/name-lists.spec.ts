import { describe, expect, it } from '@jest/globals';
import { prepareChangedFiles, readNameList, readNameStatus } from './index.js';

describe('readNameList', () => {
  it('VAL-13.e reads one name a line, and those that git quotes', () => {
    const names = readNameList('src/a.c\r\n\n"docs/\\303\\251.md"\n  \nsrc/with space.c\n');
    expect(names).toEqual(['src/a.c', '"docs/\\303\\251.md"', 'src/with space.c']);
    expect(prepareChangedFiles({ changed_files: names }).match('docs/\u00e9.md')).toBe('docs/\u00e9.md');
  });

  it('VAL-13.e reads names as they are where U+0000 stands behind each', () => {
    const names = readNameList('src/a.c\0two\nlines.c\0"a\\b"\0');
    expect(names).toEqual(['src/a.c', 'two\nlines.c', '"\\"a\\\\b\\""']);
    expect(prepareChangedFiles({ changed_files: names }).match(names[2]!)).toBe('"a/b"');
    expect([readNameList(''), readNameList('\n\n'), readNameList('\0')]).toEqual([[], [], []]);
  });
});

describe('readNameStatus', () => {
  it('VAL-13.e ING-1.e reads what git tells of each file, a rename with both names', () => {
    const told = 'M\0src/a.c\0R087\0old.c\0new.c\0D\0gone.c\0C100\0src/a.c\0copy.c\0A\0R1\0T\0M\0';
    const renamed = { path: 'new.c', previous_path: 'old.c' };
    expect(readNameStatus(told)).toEqual(['src/a.c', renamed, 'gone.c', 'copy.c', 'R1', 'M']);
    expect(readNameStatus('')).toEqual([]);
  });

  it.each(['src/a.c\n', 'M', 'M\0', 'R100\0old.c\0', 'src/a.c\0src/b.c\0'])('VAL-13.e refuses %j', (text) => {
    expect(() => readNameStatus(text)).toThrow('not what git diff --name-status -z prints');
  });
});
