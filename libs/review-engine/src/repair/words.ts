/** What an edit does to the text (VAL-16); each is a reason code of its own. */
export type RepairCode =
  'code_fence_removed' | 'trailing_comma_removed' | 'control_character_escaped' | 'invalid_escape_escaped';

/** Why a response is rejected, in a word (VAL-17). */
export const SUB_REASONS = [
  'truncated',
  'text_around_json',
  'code_fence',
  'two_documents',
  'list_instead_of_object',
  'single_quotes',
  'not_utf8',
  'utf16',
  'empty',
  'version',
  'other',
] as const;
export type SubReason = (typeof SUB_REASONS)[number];

/** Indices into a text, in UTF-16 units; `end` is behind the last one. */
export interface Span {
  start: number;
  end: number;
}

/** One edit of the text. */
export interface Edit {
  code: RepairCode;
  at: number;
  removed: number;
  inserted: string;
}

/** The first place at which a text leaves JSON in a way that no edit mends. */
export interface Fault {
  at: number;
  sub_reason: SubReason;
  /** Never more than a character or a known word: what follows may be half a secret, which no redactor would know. */
  found: string;
  expected: string;
}

/** What stands at a place, for people. */
export function shownAt(text: string, at: number, end: number): string {
  if (at >= end) return 'the end';
  const word = /^(?:NaN|Infinity|None|True|False|undefined|```)/.exec(text.slice(at, at + 12));
  if (word !== null) return word[0];
  const code = text.codePointAt(at)!;
  const character = String.fromCodePoint(code);
  const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return code < 0x21 || code === 0x7f || (code >= 0xd800 && code <= 0xdfff) || isBlank(character) ? name : character;
}

/** White space of any kind, JSON's and others', and a byte order mark. */
export function isBlank(character: string): boolean {
  return character.trim() === '';
}
