import { endOf } from './rule.js';
import type { Span } from './rule.js';

export interface Value extends Span {
  quoted: boolean;
}

const SPACES = /[ \t]{0,10}/y;
const LINE = /[^\r\n\\]*/y;
/** A quote, escaped as often as JSON stands in JSON; before it what marks a literal in Python, Rust and C#. */
const OPENING = /(?:\s|\\{1,15}[nrt]){0,20}[bBfFrRuU@$]{0,2}(\\{0,15})(["'`])/y;
/** YAML's block, of which the first line is taken; in JSON its end of line is `\n`. */
const BLOCK = /[|>][+-]?[ \t]{0,10}(?:\r?\n|\\{1,15}n)[ \t]{1,40}/y;

/** Logs: `password=[…]`. */
const BRACKETED = /\[(?!redacted\])[^\s"'`\\,;&(){}[\]<>]{1,64}(?=\])/y;

/** The value that stands after a name and its sign, in quotes or as a run of `bare` (sticky, may be empty). */
export function valueAt(text: string, at: number, bare: RegExp): Value {
  OPENING.lastIndex = at;
  const opening = OPENING.exec(text);
  if (opening) return { ...quotedAt(text, OPENING.lastIndex, opening[1]!.length, opening[2]!), quoted: true };
  const from = endOf(SPACES, text, at);
  const block = endOf(BLOCK, text, from);
  if (block > from) return { from: block, to: endOf(LINE, text, block), quoted: false };
  const inner = endOf(BRACKETED, text, from);
  if (inner > from) return { from: from + 1, to: inner, quoted: false };
  return { from, to: endOf(bare, text, from), quoted: false };
}

export function isQuoteAt(text: string, at: number): boolean {
  return endOf(OPENING, text, at) > at;
}

/** What stands in quotes that were opened before `from`. */
export function quotedAt(text: string, from: number, escapes: number, quote: string): Span {
  let begin = from;
  let end = closingQuote(text, begin, escapes, quote);
  // Python's three quotes: the first two are no empty text.
  const marks = `${'\\'.repeat(escapes)}${quote}`.repeat(2);
  if (end === begin && text.startsWith(marks, begin)) {
    begin += marks.length;
    end = closingQuote(text, begin, escapes, quote);
  }
  return { from: begin, to: end };
}

/**
 * The closing quote has as many backslashes as the opening one, escaped backslashes before it apart; one that has fewer
 * closes what holds the whole. Where the text was cut off before it, the value ends with the line.
 */
function closingQuote(text: string, from: number, escapes: number, quote: string): number {
  const period = 2 * (escapes + 1);
  let at = from;
  while (at < text.length && text[at] !== '\n') {
    let run = at;
    while (text[run] === '\\') run += 1;
    if (text[run] === quote && (run - at) % period <= escapes) return run - Math.min(escapes, run - at);
    at = run + 1;
  }
  return Math.min(at, text.length);
}
