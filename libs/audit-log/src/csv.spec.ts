import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anEntry } from './an-export.fixture.js';
import { CSV_HEAD, csvOf } from './csv.js';
import { decodeEntry, encodeEntry } from './entry.js';
import type { NewAuditEntry } from './entry.js';
import { leafHash } from './hashing.js';

function lineOf(differs: Partial<NewAuditEntry>): string {
  const bytes = encodeEntry(anEntry(1, differs));
  return csvOf(7, decodeEntry(bytes), leafHash(bytes));
}

/** RFC 4180, as a spreadsheet reads one record. */
const cellsOf = (line: string) =>
  [...line.replace(/\r\n$/, '').matchAll(/"((?:[^"]|"")*)"(?:,|$)/g)].map(([, cell]) => cell!.replaceAll('""', '"'));
const columns = cellsOf(CSV_HEAD);
const cellOf = (name: string, differs: Partial<NewAuditEntry>) => cellsOf(lineOf(differs))[columns.indexOf(name)];

describe('the export as a table', () => {
  it('DLQ-11.w has a column for each member, the index and the leaf hash', () => {
    expect(columns).toHaveLength(17);
    expect(cellsOf(lineOf({}))).toHaveLength(17);
    expect(cellOf('index', {})).toBe('7');
    expect(cellOf('details', {})).toBe('{"forced":false,"from":"open"}');
    expect(cellOf('source', { source: null })).toBe('');
    expect(cellOf('leaf_hash', {})).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    '=HYPERLINK("http://192.0.2.1")',
    '+1+1',
    '-2+3',
    '@SUM(A1)',
    '\t=1+1',
    '\r=1+1',
    '\n=1+1',
    '  =1+1',
    '\u00a0=1+1',
    '\u0000=1+1',
    '\uff1d1+1',
    '\uff0b1',
    '\uff0d1',
    '\uff20A1',
  ])('DLQ-11.w makes text of %j, which a spreadsheet would run', (reason) => {
    expect(cellOf('reason', { reason })).toBe(`'${reason}`);
  });

  it.each(['a = b', 'the mailbox is gone', "it's", '7', 'Ärger'])('DLQ-11.w leaves %j as it is', (reason) => {
    expect(cellOf('reason', { reason })).toBe(reason);
  });

  it('DLQ-11.w keeps each cell in its place, whatever its text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (reason) => {
        const cells = cellsOf(lineOf({ reason }));
        expect(cells).toHaveLength(17);
        const cell = cells[columns.indexOf('reason')]!;
        expect([reason, `'${reason}`]).toContain(cell);
        expect(cell).not.toMatch(/^[=+\-@\t\r\n]/);
      }),
    );
  });
});
