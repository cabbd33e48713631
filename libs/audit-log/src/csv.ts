import type { AuditEntry } from './entry.js';

const COLUMNS = [
  'id',
  'occurred_at',
  'service',
  'action',
  'outcome',
  'actor',
  'role',
  'origin',
  'subject_type',
  'subject_id',
  'source',
  'reason',
  'correlation_id',
  'details',
  'salt',
] as const satisfies (keyof AuditEntry)[];

/** The first line of the export as a table (RFC 4180). */
export const CSV_HEAD = csvLine(['index', ...COLUMNS, 'leaf_hash']);

/** One entry as a line of the table. The table is for reading: what is verified is the entry's bytes. */
export function csvOf(index: number, entry: AuditEntry, leaf_hash: Buffer): string {
  const cells = COLUMNS.map((name) => (name === 'details' ? JSON.stringify(entry[name]) : (entry[name] ?? '')));
  return csvLine([String(index), ...cells, leaf_hash.toString('hex')]);
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => `"${guarded(cell).replaceAll('"', '""')}"`).join(',')}\r\n`;
}

/**
 * A spreadsheet runs what begins with one of these, after white space too, and in the full width of East Asian keyboards:
 * an apostrophe before it makes it text.
 */
function guarded(cell: string): string {
  return /^[\s\u0000]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/.test(cell) ? `'${cell}` : cell;
}
