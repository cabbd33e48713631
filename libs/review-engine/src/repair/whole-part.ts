import { edited, type TextRead } from './read-text.js';

/**
 * The part of an answer that was cut off which is whole (VAL-16, `keep_complete`): the top-level members and, of
 * `findings`, the objects that had ended before the cut.
 *
 * @returns its JSON text; null when the answer was not cut off, a version does not stand before the cut, or no finding
 *   was whole: then there is nothing to keep, and an empty result would look like a clean review.
 */
export function wholePart(text: string, read: TextRead): string | null {
  const { members, findings, last_member } = read.tokens;
  if (read.fault?.sub_reason !== 'truncated' || findings === null || findings.last === findings.start) return null;
  if (!members.has('"schema_version"') || !members.has('"prompt_version"')) return null;
  if (!findings.whole) return `${edited(text, read, findings.last)}]}`;
  return `${edited(text, read, last_member)}}`;
}
