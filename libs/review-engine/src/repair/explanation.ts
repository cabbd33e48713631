import { placeOf } from './place.js';
import type { SubReason } from './words.js';

/** Why a response was rejected, for the reviewer's author (VAL-17). */
export interface Explanation {
  sub_reason: SubReason;
  /** What to do about it. */
  cure: string;
  /** Bytes from the start of the raw output; null, as line and column, where no place is meant or no text came. */
  offset: number | null;
  /** From 1. */
  line: number | null;
  /** From 1, in characters. */
  column: number | null;
  /** What stood there: a character, a word that JSON knows, or "the end". */
  found: string | null;
  expected: string | null;
}

const CURES: Record<Exclude<SubReason, 'version' | 'other'>, string> = {
  truncated:
    'The answer was cut off: ask for fewer or shorter findings, or allow a longer answer. With truncated: keep_complete the findings that came whole are kept.',
  text_around_json: 'Print the JSON document alone, without words before or after it.',
  code_fence:
    'Print the JSON document without a code fence. The lenient reading takes off one bare or json fence around the whole answer.',
  two_documents: 'Print one JSON document that holds all findings.',
  list_instead_of_object:
    'Put the list into an object: {"schema_version": "…", "prompt_version": "…", "findings": […]}.',
  single_quotes: 'Write names and strings in double quotes; a JSON library does so.',
  not_utf8: 'Write the answer as UTF-8.',
  utf16: 'Write the answer as UTF-8; it came as UTF-16.',
  empty: 'Nothing came: look whether the reviewer failed or refused to answer.',
};

/** @param cure for `version` and `other`, which have none of their own. */
export function explain(
  { sub_reason, found, expected }: { sub_reason: SubReason; found: string | null; expected: string | null },
  text: string | null,
  at: number | null,
  cure = 'Let a JSON library write the document.',
): Explanation {
  const place = text === null || at === null ? { offset: null, line: null, column: null } : placeOf(text, at);
  const known = sub_reason === 'version' || sub_reason === 'other' ? cure : CURES[sub_reason];
  return { sub_reason, cure: known, ...place, found, expected };
}

/**
 * What to write instead of a version that is refused: its own meaning in the right form, where that is taken.
 *
 * @param accepts whether a version, as text, would be taken.
 */
export function versionCure(
  field: string,
  value: unknown,
  accepts: (text: string) => boolean,
  supported: string,
): string {
  const parts = /^\s*[vV]?\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\s*$/.exec(
    typeof value === 'number' || typeof value === 'string' ? String(value) : '',
  );
  const [, major, minor = '0', patch] = parts ?? [];
  const meant = [`${major}.${minor}.${patch ?? '0'}`, `${major}.${minor}`].reverse().find(accepts);
  if (parts === null || meant === undefined) return `Write "${field}" as text, one of: ${supported}.`;
  if (typeof value === 'number') return `Write "${meant}" as text, in quotes.`;
  return `Write "${meant}", without anything around the numbers.`;
}
