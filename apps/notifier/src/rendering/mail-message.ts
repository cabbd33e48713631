import { createHash } from 'node:crypto';
import { SEVERITIES } from '@assay/contracts';
import type { Finding } from '@assay/contracts';
import { largestThatFits } from './compact.js';
import type { Payload } from './payload.js';
import { html, oneLine, paragraph } from './escape.js';
import { MAIL_STYLES } from './mail-styles.js';
import type { RenderingInput } from './rendering-input.js';
import { bySeverity, countLines, cut, headline, labels, place, plural, warningLines } from './wording.js';

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
  lines.push(...countLines(input), ...warningLines(input), '');
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

/** Text from outside that may have several lines; what keeps them is said inline, for clients that drop style sheets. */
function pre(value: string, of_class = ''): string {
  return `<p${of_class} style="white-space:pre-wrap">${html(value)}</p>`;
}

/** Nothing in it is fetched: no picture, no font, no style sheet from elsewhere (DEL-12.e). */
function htmlOf(input: RenderingInput, shown: Shown): string {
  const about_files = new Set(input.lines_defaulted);
  const head = html(`Review of ${oneLine(input.changelist_id)}, version ${input.review_version}: ${headline(input)}`);
  const parts = [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">',
    `<title>${head}</title><style>${MAIL_STYLES}</style></head><body style="font-family:system-ui,sans-serif">`,
    `<h1>${head}</h1>`,
  ];
  if (input.summary !== null) parts.push(pre(input.summary));
  parts.push(...countLines(input).map((line) => `<p>${html(line)}</p>`));
  parts.push(...warningLines(input).map((line) => `<p class="w">${html(line)}</p>`));
  for (const [severity, group] of bySeverity(shown.findings)) {
    parts.push(`<h2>${html(oneLine(severity))} (${shownOf(group, severity, input)})</h2>`, LIST);
    for (const finding of group) parts.push(findingHtml(finding, about_files));
    parts.push('</ul>');
  }
  parts.push(...leftOutLines(shown).map((line) => `<p>${html(line)}</p>`));
  const link = (url: string, words: string): string => `<a href="${html(url)}">${words}</a>`;
  parts.push(`<p>${link(input.links.job, 'Job')} · ${link(input.links.findings, 'Findings and diagnostics')}</p>`);
  return `${parts.join('\n')}</body></html>\n`;
}

/** No marks, no indent: on a phone every one of the 40 pixels counts. */
const LIST = '<ul style="list-style:none;margin:0;padding:0">';

function findingHtml(finding: Finding, about_files: ReadonlySet<string>): string {
  const known = (SEVERITIES as readonly string[]).includes(finding.severity);
  const { suggestion } = finding;
  return [
    `<li${known ? ` class="${finding.severity}"` : ''}><strong>${html(oneLine(finding.title))}</strong><br>`,
    `<code>${html(place(finding, about_files))}</code> <small>${html(labels(finding))}</small>`,
    pre(finding.message),
    ...(suggestion === undefined ? [] : ['<p>Suggestion:</p>', pre(suggestion, ' class="s"')]),
    '</li>',
  ].join('\n');
}
