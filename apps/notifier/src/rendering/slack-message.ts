import { createHash } from 'node:crypto';
import type { Finding } from '@assay/contracts';
import { oneLine, paragraph } from './escape.js';
import type { Payload } from './payload.js';
import type { RenderingInput } from './rendering-input.js';
import { countLines, headline, labels, place, plural, warningLines } from './wording.js';

export interface SlackPayload extends Payload {
  body: Buffer;
}

/** Slack refuses a message of more blocks as a whole. */
const MAX_BLOCKS = 50;
/** Slack cuts a message at 40,000 characters without a word. */
const MAX_MESSAGE_CHARACTERS = 36_000;
/** What each part of a finding may take, escaped: together they stay below the 3,000 characters of a block. */
const PARTS = { place: 400, title: 300, labels: 300, message: 1_200, suggestion: 600 };
const HEAD_CHARACTERS = 1_000;
const SUMMARY_CHARACTERS = 1_800;
/** Headline, counts and summary before the findings; what is left out and the links after them. */
const OTHER_BLOCKS = 4;

interface Block {
  type: 'section';
  text: { type: 'mrkdwn'; text: string; verbatim: true };
}

/**
 * The message of one review for a Slack-compatible incoming webhook: the worst findings that fit, how many were left
 * out, and links to all. `text` is what notifications show, and all that servers without blocks do.
 */
export function renderSlack(input: RenderingInput): SlackPayload {
  const head = escaped(oneLine(headOf(input)), HEAD_CHARACTERS);
  const counts = escaped([...countLines(input), ...warningLines(input)].join('\n'), HEAD_CHARACTERS);
  const links = `${link(input.links.job, 'Job')} · ${link(input.links.findings, 'Findings and diagnostics')}`;
  const summary = input.summary === null ? '' : `\n${quoted(input.summary, SUMMARY_CHARACTERS)}`;
  const shown = findingBlocks(input);
  const left_out = input.findings.length - shown.length;
  const blocks = [section(`*${head}*`), section(`${counts}${summary}`), ...shown];
  if (left_out > 0) blocks.push(section(`${plural(left_out, 'finding')} more, the worst are above.`));
  blocks.push(section(links));
  const body = Buffer.from(JSON.stringify({ text: `${head}\n${counts}\n${links}`, blocks }));
  return { body, bytes: body.length, hash: createHash('sha256').update(body).digest('hex') };
}

function headOf(input: RenderingInput): string {
  return `Review of ${input.changelist_id}, version ${input.review_version}: ${headline(input)}`;
}

function findingBlocks(input: RenderingInput): Block[] {
  const about_files = new Set(input.lines_defaulted);
  const blocks: Block[] = [];
  let characters = 2 * HEAD_CHARACTERS + SUMMARY_CHARACTERS;
  for (const finding of input.findings.slice(0, MAX_BLOCKS - OTHER_BLOCKS)) {
    const text = findingText(finding, about_files);
    characters += text.length;
    if (characters > MAX_MESSAGE_CHARACTERS) break;
    blocks.push(section(text));
  }
  return blocks;
}

function findingText(finding: Finding, about_files: ReadonlySet<string>): string {
  const where = escaped(place(finding, about_files).replaceAll('`', "'"), PARTS.place);
  const title = escaped(oneLine(finding.title), PARTS.title);
  const named = escaped(`${oneLine(finding.severity)}: ${labels(finding)}`, PARTS.labels);
  const lines = [`*${title}*  \`${where}\`  [${named}]`, quoted(finding.message, PARTS.message)];
  if (finding.suggestion !== undefined) lines.push('Suggestion:', quoted(finding.suggestion, PARTS.suggestion));
  return lines.join('\n');
}

function section(text: string): Block {
  return { type: 'section', text: { type: 'mrkdwn', text, verbatim: true } };
}

/** As a quotation, so that no line of it passes for one of ours; its marks count. */
function quoted(text: string, max_characters: number): string {
  const lines = escaped(text, max_characters).split('\n');
  const kept: string[] = [];
  let characters = 0;
  for (const line of lines) {
    characters += line.length + 2;
    if (kept.length > 0 && characters > max_characters) return [...kept, '>…'].join('\n');
    kept.push(`>${line}`);
  }
  return kept.join('\n');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
/** Of it, compatible servers make mentions without any brackets. */
const MENTION = /(?<![\p{L}\p{N}])@(?=[\p{L}\p{N}_])/gu;
const WORD_JOINER = '\u2060';

/**
 * Text from outside, cut to so many characters as they are sent. Without raw brackets there is no `<!channel>` and no
 * `<@U1>`; a mark that nobody sees keeps `@here` from being one elsewhere.
 */
function escaped(text: string, max_characters: number): string {
  const parts: string[] = [];
  let characters = 0;
  for (const character of paragraph(text).replace(MENTION, `@${WORD_JOINER}`)) {
    const part = ENTITIES[character] ?? character;
    characters += part.length;
    if (characters > max_characters - 1) return `${parts.join('')}…`;
    parts.push(part);
  }
  return parts.join('');
}

/** Ours, so that it may be one; what would end it is encoded. */
function link(url: string, words: string): string {
  const inside = url.replace(/[<>|]/g, (character) => encodeURIComponent(character)).replaceAll('&', '&amp;');
  return `<${inside}|${words}>`;
}
