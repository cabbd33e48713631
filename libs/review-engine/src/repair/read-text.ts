import { Tokenizer } from './tokenizer.js';
import { isBlank, shownAt, type Edit, type Fault, type SubReason } from './words.js';

/** What became of an answer that `JSON.parse` refused. */
export interface TextRead {
  /** Where the document stands in the text: without a byte order mark, white space and a fence around it. */
  start: number;
  end: number;
  /** In the order of their places. */
  edits: Edit[];
  /** Null when the text with its edits is JSON. */
  fault: Fault | null;
  tokens: Tokenizer;
}

const FENCE = '```';
/** Of an opening fence: its backticks, its word, its end of line. */
const OPENING = /^(`{3,})[ \t]*([\w+-]*)[ \t]*(?:\r?\n|(?=[{[]))/;
/** Something that looks like the beginning of a document. */
const DOCUMENT = /[{[]\s*["{]/;

interface Frame {
  start: number;
  end: number;
  /** The edit that takes the whole fence off; null when there is none. */
  edit: Edit | null;
  /** The answer begins with a fence. */
  fenced: boolean;
  /** It also ends with it, and nothing stands outside. */
  closed: boolean;
}

/**
 * Finds the edits that make JSON of a text (VAL-16), or the first fault that none mends (VAL-17). Linear in the text:
 * at most two passes, the second over what follows the first document.
 *
 * @param tolerant whether edits may be made; without, the first place that would need one is the fault.
 */
export function readText(text: string, tolerant: boolean): TextRead {
  const frame = frameOf(text);
  const tokens = new Tokenizer(text, frame.start, frame.end, tolerant).run();
  const fault =
    startFault(text, frame, tolerant) ??
    proseFault(text, frame, tokens) ??
    tokens.fault ??
    endFault(text, frame, tokens);
  const edits = frame.edit === null ? tokens.edits : [frame.edit, ...tokens.edits];
  return { start: frame.start, end: frame.end, edits, fault, tokens };
}

/**
 * Where the value of a document's top-level member stands in its text; null when there is none of that name. A name that
 * stands in the text but once needs no reading, unless one may be written with escapes.
 */
export function memberStart(text: string, name: string): number | null {
  const quoted = JSON.stringify(name);
  const at = text.indexOf(quoted);
  if (at !== -1 && at === text.lastIndexOf(quoted) && !text.includes('\\u')) {
    const colon = /^\s*:\s*/.exec(text.slice(at + quoted.length, at + quoted.length + 256));
    if (colon !== null) return at + quoted.length + colon[0].length;
  }
  return readText(text, true).tokens.members.get(quoted)?.start ?? null;
}

/** The text with the edits up to `end` made, a fence left out. */
export function edited(text: string, { start, edits }: TextRead, end: number): string {
  const parts: string[] = [];
  let from = start;
  for (const { at, removed, inserted } of edits) {
    if (at < start) continue;
    if (at >= end) break;
    parts.push(text.slice(from, at), inserted);
    from = at + removed;
  }
  parts.push(text.slice(from, end));
  return parts.join('');
}

function frameOf(text: string): Frame {
  const bom = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const start = text.length - text.slice(bom).trimStart().length;
  const end = text.trimEnd().length;
  const plain = { start: bom, end: text.length, edit: null, fenced: false, closed: false };
  if (!text.startsWith(FENCE, start)) return plain;
  const opening = OPENING.exec(text.slice(start, start + 256));
  if (opening === null) return { ...plain, start, fenced: true };
  const [whole, ticks, word] = opening as unknown as [string, string, string];
  const inner = start + whole.length;
  const closed =
    end - ticks.length >= inner &&
    text.slice(inner, end).endsWith(ticks) &&
    text.charAt(end - ticks.length - 1) !== '`';
  const known = word === '' || word.toLowerCase() === 'json';
  const edit = known ? { code: 'code_fence_removed' as const, at: start, removed: whole.length, inserted: '' } : null;
  return { start: inner, end: closed ? end - ticks.length : text.length, edit, fenced: true, closed };
}

function startFault(text: string, { start, fenced, edit }: Frame, tolerant: boolean): Fault | null {
  if (text.slice(start).trim() === '' && !fenced) return faultAt(text, text.length, 'empty', 'a JSON object');
  if (text.slice(0, 4).includes('\0')) return faultAt(text, 0, 'utf16', 'UTF-8 text');
  if (!fenced || (tolerant && edit !== null)) return null;
  return faultAt(text, text.indexOf(FENCE), 'code_fence', 'a JSON object without a code fence around it');
}

/** An answer that begins with words, or holds nothing else. */
function proseFault(text: string, { start }: Frame, { fault, depth, members, at }: Tokenizer): Fault | null {
  if (fault === null || fault.sub_reason === 'truncated') return null;
  // A bracket may begin prose, too: "[Note] …".
  const bracket = text.charAt(start) === '[' && depth === 1 && members.size === 0 && /[A-Za-z]/.test(text.charAt(at));
  if (depth > 0 && !bracket) return null;
  if (isBlank(text.charAt(at)) || !DOCUMENT.test(text.slice(at))) return null;
  return faultAt(text, bracket ? start : at, 'text_around_json', 'the { of a JSON object, without text before it');
}

/** What stands behind the document. */
function endFault(text: string, frame: Frame, tokens: Tokenizer): Fault | null {
  tokens.skipWhiteSpace();
  const { at, end } = tokens;
  if (at >= end) {
    if (!frame.fenced || frame.closed) return null;
    return faultAt(text, at, 'code_fence', 'no code fence, or one that is closed');
  }
  const fence = text.startsWith(FENCE, at);
  if (fence && !frame.fenced) return faultAt(text, at, 'code_fence', 'the end, without a code fence');
  const behind = fence ? skipFence(text, at) : at;
  return faultAt(text, behind, subReasonBehind(text, behind), 'the end, without anything behind the document');
}

function skipFence(text: string, at: number): number {
  const rest = text.slice(at).replace(/^`+\s*/, '');
  return text.length - rest.length;
}

function subReasonBehind(text: string, at: number): SubReason {
  const rest = text.slice(at);
  if (rest.startsWith(FENCE)) return DOCUMENT.test(rest) ? 'two_documents' : 'text_around_json';
  const first = rest.charAt(0);
  if (first === '{' || first === '[') {
    const { fault } = new Tokenizer(text, at, text.length, true).run();
    return fault === null || fault.sub_reason === 'truncated' ? 'two_documents' : 'text_around_json';
  }
  // A bracket or comma too many is no text, nor is white space that JSON does not know.
  return '}],:'.includes(first) || rest.trim() === '' ? 'other' : 'text_around_json';
}

function faultAt(text: string, at: number, sub_reason: SubReason, expected: string): Fault {
  return { at, sub_reason, found: shownAt(text, at, text.length), expected };
}
