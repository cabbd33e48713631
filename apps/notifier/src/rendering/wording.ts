import { SEVERITIES } from '@assay/contracts';
import type { Finding } from '@assay/contracts';
import type { FindingFilter } from '@assay/providers-file';
import { oneLine } from './escape.js';
import type { RenderingInput } from './rendering-input.js';

export function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters - 1)}…`;
}

/** As `3 findings (1 critical, 2 low), 2 could not be used`, and that the review is not whole where it was cut off. */
export function headline(input: RenderingInput): string {
  return input.truncated ? `${foundIn(input)}, cut off` : foundIn(input);
}

/**
 * `3 findings (1 critical, 2 low), 4 withheld, 2 could not be used`, `no usable findings (12 could not be used)`,
 * `no findings to show (4 withheld)`, `no findings`.
 */
function foundIn({ findings, counts, withheld }: RenderingInput): string {
  const besides = [
    ...(withheld === 0 ? [] : [`${withheld} withheld`]),
    ...(counts.dropped === 0 ? [] : [`${counts.dropped} could not be used`]),
  ];
  if (findings.length > 0) {
    const parts = bySeverity(findings).map(([severity, group]) => `${group.length} ${oneLine(severity)}`);
    return [`${plural(findings.length, 'finding')} (${parts.join(', ')})`, ...besides].join(', ');
  }
  if (besides.length === 0) return 'no findings';
  return `${withheld > 0 ? 'no findings to show' : 'no usable findings'} (${besides.join(', ')})`;
}

/** What became of what was submitted: nothing is left out silently (GEN-6). */
export function countLines({ counts, withheld, filter }: RenderingInput): string[] {
  const lines = [
    `${plural(counts.submitted, 'finding')} submitted: ${counts.kept} kept (${counts.coerced} coerced), ${counts.dropped} dropped.`,
  ];
  const codes = Object.entries(counts.by_code).sort(([a], [b]) => (a < b ? -1 : 1));
  if (codes.length > 0) lines.push(`By reason: ${codes.map(([code, n]) => `${oneLine(code)} ${n}`).join(', ')}.`);
  if (withheld > 0) {
    lines.push(`${plural(withheld, 'finding')} withheld: this recipient asks for ${askedFor(filter!)}.`);
  }
  return lines;
}

/** Why the findings are not all that there is to say. */
export function warningLines({ counts, truncated }: RenderingInput): string[] {
  const lines: string[] = [];
  if (truncated)
    lines.push('Warning: the review is not whole: the answer was cut off, and what came after is not known.');
  if (counts.submitted > 0 && counts.kept === 0) lines.push('Warning: every finding was dropped.');
  return lines;
}

/** `severity high or worse, confidence medium or surer, category security or test`. */
function askedFor({ min_severity, min_confidence, categories }: FindingFilter): string {
  return [
    min_severity && `severity ${min_severity} or worse`,
    min_confidence && `confidence ${min_confidence} or surer`,
    categories && `category ${categories.join(' or ')}`,
  ]
    .filter((part) => part !== null)
    .join(', ');
}

export function bySeverity(findings: readonly Finding[]): [string, Finding[]][] {
  const groups = new Map<string, Finding[]>();
  for (const severity of [...SEVERITIES, ...findings.map((finding) => finding.severity)]) groups.set(severity, []);
  for (const finding of findings) groups.get(finding.severity)!.push(finding);
  return [...groups].filter(([, group]) => group.length > 0);
}

export function place(finding: Finding, about_files: ReadonlySet<string>): string {
  if (about_files.has(finding.id)) return oneLine(finding.file);
  const to = finding.end_line !== undefined && finding.end_line !== finding.line ? `-${finding.end_line}` : '';
  return `${oneLine(finding.file)}:${finding.line}${to}`;
}

/** `correctness, confidence high, rule X1`. */
export function labels(finding: Finding): string {
  return [
    finding.category,
    finding.confidence === undefined ? null : `confidence ${finding.confidence}`,
    finding.rule_id === undefined ? null : `rule ${finding.rule_id}`,
  ]
    .filter((label) => label !== null)
    .map(oneLine)
    .join(', ');
}

export function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
