import { REASON_CODES } from '@assay/review-engine';
import type { Diagnostic, DiagnosticKind, ReasonCode, VerdictDocument } from '@assay/review-engine';
import type { DryRunDocument } from '@assay/submission';
import { showPlace } from './show-place.js';
import { painter, printable, table, wrap } from './terminal.js';
import type { Colour, Paint, Terminal } from './terminal.js';

const COLOURS: Record<DiagnosticKind, Colour> = {
  rejection: 'red',
  drop: 'red',
  warning: 'yellow',
  repair: 'cyan',
  coercion: 'cyan',
};
const TITLES: Record<DiagnosticKind, string> = {
  rejection: 'Why it is rejected',
  drop: 'Dropped findings',
  warning: 'Warnings',
  repair: 'Repaired text',
  coercion: 'Coerced (nothing to do)',
};

const NOT_ASKED = 'No depot allow-list was asked: ingest may still deny a changed file (--allow-list FILE asks one).';

/**
 * A verdict for the author of a reviewer: what happened, where, and how to mend it.
 *
 * @param raw the raw output, so that the place at fault can be shown; null where a document came.
 */
export function explainVerdict(
  verdict: DryRunDocument,
  terminal: Pick<Terminal, 'colour' | 'columns'>,
  raw: string | null = null,
): string {
  const paint = painter(terminal);
  const parts = [summary(verdict, paint), explained(verdict, raw, terminal.columns, paint)];
  for (const kind of ['rejection', 'drop', 'warning', 'repair', 'coercion'] as const) {
    const diagnostics = verdict.diagnostics.filter((diagnostic) => diagnostic.kind === kind);
    if (diagnostics.length === 0) continue;
    const rows = diagnostics.map(rowOf);
    const headings = ['finding', 'at', 'code', 'what'];
    parts.push(`${paint(COLOURS[kind], TITLES[kind])}\n${table(headings, rows, { columns: terminal.columns, paint })}`);
  }
  const left_out = total(verdict) - verdict.diagnostics.length;
  if (left_out > 0) parts.push(`${left_out} more diagnostics are counted, but not kept.\n`);
  parts.push(remedies(verdict, terminal.columns, paint));
  if (verdict.allow_list_hash === null) parts.push(`${paint('dim', NOT_ASKED)}\n`);
  return `${parts.filter((part) => part !== '').join('\n')}`;
}

function summary({ outcome, counts, versions, rejection, reading }: VerdictDocument, paint: Paint): string {
  const word =
    outcome === 'accepted' ? paint('green', paint('bold', 'accepted')) : paint('red', paint('bold', 'rejected'));
  const { submitted, kept, dropped, coerced } = counts;
  const what =
    rejection === null
      ? `${kept} of ${submitted} findings kept (${coerced} of them coerced), ${dropped} dropped`
      : `${rejection.class}: ${REASON_CODES[rejection.code].meaning}`;
  const { schema_version, schema_verdict, read_as, prompt_version, prompt_verdict } = versions;
  const schema = `schema ${shown(schema_version)} ${schema_verdict ?? 'not judged'}`;
  const read = read_as === null || read_as === schema_version ? '' : `, read as ${read_as}`;
  const prompt = `prompt ${shown(prompt_version)} ${prompt_verdict ?? 'not judged'}`;
  return `${word}  ${what}\n${paint('dim', `${schema}${read}; ${prompt}; ${reading} reading`)}\n`;
}

/** VAL-17: the sub-reason, where it is, what stood there, and its cure. */
function explained({ explanation }: VerdictDocument, raw: string | null, columns: number, paint: Paint): string {
  if (explanation === null) return '';
  const { sub_reason, cure, line, column, offset, found, expected } = explanation;
  const what = `found ${found === null ? 'something else' : printable(found)}, expected ${printable(expected ?? '')}`;
  const lines = [
    `${paint('red', sub_reason)}  ${line === null ? '' : `line ${line}, column ${column} (byte ${offset})`}`.trimEnd(),
  ];
  const place = raw === null || line === null || column === null ? null : showPlace(raw, { line, column });
  if (place !== null) lines.push(...place.split('\n').map((text) => `    ${text}`));
  if (expected !== null) lines.push(...wrap(what, Math.max(40, columns - 4)).map((text) => `    ${text}`));
  lines.push(...wrap(cure, Math.max(40, columns - 4)).map((text) => `    ${text}`));
  return `${lines.join('\n')}\n`;
}

function rowOf(diagnostic: Diagnostic): string[] {
  const { finding_id, finding_index, pointer, code } = diagnostic;
  const finding =
    finding_index === null ? '' : `#${finding_index}${finding_id === null ? '' : ` ${printable(finding_id)}`}`;
  return [cut(finding, 24), cut(printable(pointer ?? ''), 40), code, whatOf(diagnostic)];
}

function whatOf({ kind, field, from, to, expected, file, line, cause }: Diagnostic): string {
  const place = file === null ? '' : ` (${printable(file)}${line === null ? '' : `:${line}`})`;
  const why = cause === undefined ? '' : ` (${cause})`;
  if (kind === 'coercion' && to === null) return `${quoted(from)} was left out${why}`;
  if (kind === 'coercion' || kind === 'repair') return `${quoted(from)} became ${quoted(to)}`;
  const got = from === null ? '' : `got ${quoted(from)}`;
  const wanted = expected === null ? '' : `expected ${printable(expected)}`;
  const name = field === null ? '' : `${printable(field)}: `;
  return `${name}${[got, wanted].filter((text) => text !== '').join(', ')}${kind === 'drop' ? place : ''}`;
}

/** Each code once, with what its author can do (VAL-9). */
function remedies({ counts }: VerdictDocument, columns: number, paint: Paint): string {
  const codes = Object.entries(counts.by_code) as [ReasonCode, number][];
  if (codes.length === 0) return '';
  const lines = codes.flatMap(([code, count]) => {
    const { meaning, remedy } = REASON_CODES[code];
    const text = wrap(`${meaning} ${remedy}`, Math.max(40, columns - 4)).map((line) => `    ${line}`);
    return [`  ${paint('bold', code)} × ${count}`, ...text];
  });
  return `How to mend it\n${lines.join('\n')}\n`;
}

function total({ counts }: VerdictDocument): number {
  return Object.values(counts.by_code).reduce((sum, count) => sum + count, 0);
}

function quoted(value: Diagnostic['from']): string {
  return cut(printable(JSON.stringify(value)), 120);
}

function shown(version: string | null): string {
  return version === null ? 'missing' : cut(printable(version), 40);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
