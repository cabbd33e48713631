import { Buffer } from 'node:buffer';

/** Whether `String.prototype.trim` would take something off, without allocating. */
export function hasOuterWhiteSpace(text: string): boolean {
  const length = text.length;
  return length > 0 && (isWhiteSpace(text.charCodeAt(0)) || isWhiteSpace(text.charCodeAt(length - 1)));
}

/** ECMAScript's white space and line terminators: what `trim` takes off (VAL-3). */
function isWhiteSpace(code: number): boolean {
  if (code > 32 && code < 127) return false;
  if (code <= 32) return code === 32 || (code >= 9 && code <= 13);
  return (
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000 ||
    code === 0xfeff
  );
}

/** Whether the text takes more than so many bytes as UTF-8; most texts are judged by their length alone. */
export function isLongerThan(text: string, max_bytes: number): boolean {
  if (text.length * 3 <= max_bytes) return false;
  return text.length > max_bytes || Buffer.byteLength(text, 'utf8') > max_bytes;
}

/** Code points, as JSON Schema counts `minLength` and `maxLength`; a lone surrogate is one. */
export function characters(text: string): number {
  let count = text.length;
  for (let index = 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0xdc00 || code > 0xdfff) continue;
    const before = text.charCodeAt(index - 1);
    if (before >= 0xd800 && before <= 0xdbff) {
      count--;
      index++;
    }
  }
  return count;
}

const DIGITS = /^[+-]?[0-9]+$/;

/**
 * The integer that a string of decimal digits says exactly (VAL-3); null for anything else: "10.0", "1e1", "0x10",
 * "-0", or beyond 2^53-1 either way.
 */
export function integerOf(text: string): number | null {
  const trimmed = text.trim();
  if (!DIGITS.test(trimmed)) return null;
  const value = Number(trimmed);
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : null;
}

const PREVIEW_CHARACTERS = 256;
/** What the redactor is shown of a long text: enough to see a secret whole that begins in the part that stays. */
const REDACTED_CHARACTERS = 4096;

/** A text from outside as it may stand in a diagnostic: redacted first (half a secret is one too), then cut (VAL-3). */
export function preview(text: string, redact: (text: string) => string): string {
  return cut(redact(cut(text, REDACTED_CHARACTERS)), PREVIEW_CHARACTERS);
}

/** Never leaves half of a surrogate pair. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
