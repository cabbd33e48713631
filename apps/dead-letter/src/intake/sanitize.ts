import { redact, redactValue } from '@assay/security';

const MAX_STACK_BYTES = 8 * 1024;
const MAX_CONTEXT_BYTES = 8 * 1024;
const MAX_TEXT_LENGTH = 512;
/** As much as is kept of what a receiver answered (DLQ-3). */
const MAX_ANSWER_LENGTH = 1_024;

/**
 * Text that Postgres can store and nobody regrets: no U+0000 (which fails the whole batch in `text` and in what is cut
 * out of `json`), no lone surrogates, no secrets, no addresses (DLQ-3).
 */
export function cleanText(text: string, max_bytes = MAX_STACK_BYTES): string {
  return cutBytes(redact(storable(text)), max_bytes);
}

/**
 * The context as it may be kept. The services send it clean; it is cleaned again here because this is where it stays
 * for months. What is too large to be ids and counts is left out by name.
 */
export function cleanContext(context: unknown): Record<string, unknown> {
  if (typeof context !== 'object' || context === null || Array.isArray(context)) return {};
  const kept: Record<string, unknown> = {};
  const left_out: string[] = [];
  let bytes = 0;
  for (const [name, value] of Object.entries(redactValue(context as Record<string, unknown>))) {
    const clean = shorten(value, name === 'answer' ? MAX_ANSWER_LENGTH : MAX_TEXT_LENGTH);
    const size = Buffer.byteLength(JSON.stringify([name, clean]) ?? '');
    if (bytes + size > MAX_CONTEXT_BYTES) {
      left_out.push(storable(name).slice(0, MAX_TEXT_LENGTH));
      continue;
    }
    bytes += size;
    kept[storable(name)] = clean;
  }
  return left_out.length === 0 ? kept : { ...kept, left_out };
}

/** Ids and other short words, which are no place for a secret either; never null-bytes. */
export function cleanWord(word: string): string {
  return storable(word).slice(0, MAX_TEXT_LENGTH);
}

function shorten(value: unknown, longest: number): unknown {
  if (typeof value === 'string') {
    const text = storable(value);
    return text.length <= longest ? text : `${text.slice(0, longest).toWellFormed()}… cut`;
  }
  if (Array.isArray(value)) return value.map((each) => shorten(each, longest));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [storable(name), shorten(member, longest)]));
}

function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

function cutBytes(text: string, max_bytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max_bytes) return text;
  const cut = '\n… cut';
  let end = max_bytes - Buffer.byteLength(cut);
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString('utf8') + cut;
}
