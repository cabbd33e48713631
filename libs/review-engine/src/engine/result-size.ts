import { Buffer } from 'node:buffer';
import type { ReviewInput } from './parse.js';
import { isLongerThan } from './text.js';

/**
 * Whether a review result takes more than so many bytes (VAL-10): its raw output as it came, a document as compact JSON.
 * A document is measured only when what it was read from is over the limit.
 */
export function isLargerThan(input: ReviewInput, max_bytes: number): boolean {
  if ('raw' in input) {
    const { raw } = input;
    return typeof raw === 'string' ? isLongerThan(raw, max_bytes) : raw.length > max_bytes;
  }
  if (input.read_from_bytes !== undefined && input.read_from_bytes <= max_bytes) return false;
  return jsonBytesUpTo(input.document, max_bytes) > max_bytes;
}

/** Counted until it exceeds the limit. Without recursion, as nesting may be of any depth. */
function jsonBytesUpTo(value: unknown, limit: number): number {
  const pending: unknown[] = [value];
  let bytes = 0;
  while (pending.length > 0 && bytes <= limit) {
    const next = pending.pop();
    if (typeof next === 'string') {
      bytes += Buffer.byteLength(JSON.stringify(next));
    } else if (typeof next !== 'object' || next === null) {
      bytes += String(next).length;
    } else if (Array.isArray(next)) {
      bytes += 2 + Math.max(0, next.length - 1);
      for (const entry of next) pending.push(entry);
    } else {
      const entries = Object.entries(next);
      bytes += 2 + Math.max(0, entries.length - 1);
      for (const [name, member] of entries) {
        bytes += Buffer.byteLength(JSON.stringify(name)) + 1;
        pending.push(member);
      }
    }
  }
  return bytes;
}
