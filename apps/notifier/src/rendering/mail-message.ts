import { createHash } from 'node:crypto';
import type { Finding } from '@assay/contracts';
import { largestThatFits } from './compact.js';
import type { Payload } from './payload.js';
import { html, oneLine, paragraph } from './escape.js';
import type { RenderingInput } from './rendering-input.js';
import { bySeverity, countLines, cut, headline, labels, place, plural } from './wording.js';

export interface MailPayload extends Payload {
  subject: string;
  text: string;
  html: string;
  /** RFC 3339; the `Date` header of every attempt. */
  date: string;
  /** 64 hex digits; the same for every mail of one source and changelist, which form a thread (DEL-18). */
  thread_id: string;
}

const SUBJECT_START = '[Assay] ';
const MAX_SUBJECT_CHARACTERS = 200;
const FEWEST_CHANGELIST_CHARACTERS = 20;

/** The mail of one review: text and HTML of the same content (DEL-12). */
export function renderMail(input: RenderingInput): MailPayload {
  return mailWith(input, { findings: input.findings, left_out: 0 });
}

/** Counts, the worst findings that fit, and links to all (DEL-16). */
export function renderCompactMail(input: RenderingInput, max_bytes: number): MailPayload {
  const all = input.findings.length;
  return largestThatFits(input, max_bytes, (findings) =>
    mailWith({ ...input, summary: null }, { findings, left_out: all - findings.length }),
  );
}

interface Shown {
  findings: readonly Finding[];
  left_out: number;
}

function mailWith(input: RenderingInput, shown: Shown): MailPayload {
  const subject = subjectOf(input);
  const text = textOf(input, shown);
  const html = htmlOf(input, shown);
  const hash = createHash('sha256')
    .update(JSON.stringify([subject, text, html, input.occurred_at]))
    .digest('hex');
  const bytes = Buffer.byteLength(text) + Buffer.byteLength(html);
  return { subject, text, html, date: input.occurred_at, thread_id: threadOf(input), hash, bytes };
}

/** Made from both, so that no source can write into another's thread. */
function threadOf({ source, changelist_id }: RenderingInput): string {
  return createHash('sha256')
    .update(JSON.stringify(['assay.thread', source, changelist_id]))
    .digest('hex');
}

/** What is said of the findings stays whole (DEL-18): a long changelist is cut instead. */
function subjectOf(input: RenderingInput): string {
  const end = ` v${input.review_version}: ${headline(input)}`;
  const room = MAX_SUBJECT_CHARACTERS - SUBJECT_START.length - end.length;
  const changelist = cut(oneLine(input.changelist_id), Math.max(room, FEWEST_CHANGELIST_CHARACTERS));
  return cut(`${SUBJECT_START}${changelist}${end}`, MAX_SUBJECT_CHARACTERS);
}

/** `3`, or `2 of 3` where one of them is left out. */
function shownOf(group: readonly Finding[], of: string, { findings }: RenderingInput): string {
  const all = findings.filter(({ severity }) => severity === of).length;
  return group.length === all ? String(all) : `${group.length} of ${all}`;
}

/** Where not all is shown. */
function leftOutLines({ left_out }: Shown): string[] {
  if (left_out === 0) return [];
  return [`The mail would be too large: ${plural(left_out, 'finding')} more can be read under the links.`];
}

function textOf(input: RenderingInput, shown: Shown): string {
  const about_files = new Set(input.lines_defaulted);
  const indent = (value: string): string => paragraph(value).replace(/^/gm, '    ');
  const lines = [`Review of ${oneLine(input.changelist_id)}, version ${input.review_version}: ${headline(input)}`, ''];
  if (input.summary !== null) lines.push(paragraph(input.summary), '');
  lines.push(...countLines(input), '');
  for (const [severity, group] of bySeverity(shown.findings)) {
    lines.push(`${oneLine(severity).toUpperCase()} (${shownOf(group, severity, input)})`, '');
    for (const finding of group) {
      lines.push(
        `  ${place(finding, about_files)}  ${oneLine(finding.title)}  [${labels(finding)}]`,
        indent(finding.message),
      );
      if (finding.suggestion !== undefined) lines.push('    Suggestion:', indent(finding.suggestion));
      lines.push('');
    }
  }
  for (const line of leftOutLines(shown)) lines.push(line, '');
  lines.push(`Job: ${input.links.job}`, `Findings and diagnostics: ${input.links.findings}`, '');
  return lines.join('\n');
}

function htmlOf(input: RenderingInput, shown: Shown): string {
  const about_files = new Set(input.lines_defaulted);
  const pre = (value: string): string => `<p style="white-space:pre-wrap;margin:4px 0">${html(value)}</p>`;
  const parts = [
    '<!doctype html><html><head><meta charset="utf-8"></head><body style="font-family:sans-serif;font-size:14px">',
    `<h1 style="font-size:18px">Review of ${html(oneLine(input.changelist_id))}, version ${input.review_version}: ${html(headline(input))}</h1>`,
  ];
  if (input.summary !== null) parts.push(pre(input.summary));
  parts.push(...countLines(input).map((line) => `<p>${html(line)}</p>`));
  for (const [severity, group] of bySeverity(shown.findings)) {
    parts.push(`<h2 style="font-size:16px">${html(oneLine(severity))} (${shownOf(group, severity, input)})</h2><ul>`);
    for (const finding of group) {
      parts.push(
        `<li><code>${html(place(finding, about_files))}</code> <strong>${html(oneLine(finding.title))}</strong> [${html(labels(finding))}]`,
        pre(finding.message),
        finding.suggestion === undefined ? '' : `<p>Suggestion:</p>${pre(finding.suggestion)}`,
        '</li>',
      );
    }
    parts.push('</ul>');
  }
  parts.push(...leftOutLines(shown).map((line) => `<p>${html(line)}</p>`));
  const link = (url: string, words: string): string => `<a href="${html(url)}">${words}</a>`;
  parts.push(`<p>${link(input.links.job, 'Job')} · ${link(input.links.findings, 'Findings and diagnostics')}</p>`);
  return `${parts.join('\n')}</body></html>\n`;
}
