import { isUtf8 } from 'node:buffer';
import { decodeBase64 } from './base64.js';
import { FormatError } from './format-error.js';
import { isKeyName } from './note-keys.js';
import type { NoteSigner, NoteVerifier } from './note-keys.js';

/** Of a signature line: em dash, space. */
const LINE_HEAD = '\u2014 ';
const ID_BYTES = 4;
const NOTE_LIMIT_BYTES = 1_000_000;
/** C2SP asks for 16 at least; Go's `note` package takes this many. */
const SIGNATURES_LIMIT = 100;

/**
 * A signed note of C2SP: the text, an empty line and one signature line for each key.
 *
 * @param text Ends with a line feed.
 * @throws FormatError `malformed_note` where the text can be no note's.
 */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  if (!text.endsWith('\n') || !text.isWellFormed() || hasControlCharacters(text)) {
    throw new FormatError('malformed_note', 'the text of a note ends with a line feed and has no control characters');
  }
  const bytes = Buffer.from(text);
  const lines = signers.map(({ name, id, sign }) => {
    return `${LINE_HEAD}${name} ${Buffer.concat([id, sign(bytes)]).toString('base64')}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

export interface OpenedNote {
  text: string;
  /** Names of the keys whose signatures were verified. */
  signed_by: string[];
}

/**
 * The text of a note that one of these keys at least has signed. Signatures of other keys are ignored; one of a known key
 * that is wrong spoils the note (C2SP signed-note).
 *
 * @throws FormatError `malformed_note`, `bad_signature`, `unknown_key` (no key that is known has signed).
 */
export function openNote(note: Buffer, keys: readonly NoteVerifier[]): OpenedNote {
  const { text, signatures } = parse(note);
  const bytes = Buffer.from(text);
  const seen = new Set<NoteVerifier>();
  for (const { name, id, signature } of signatures) {
    const key = keys.find((known) => known.name === name && known.id.equals(id));
    if (key === undefined || seen.has(key)) continue;
    seen.add(key);
    if (!key.verify(bytes, signature)) throw new FormatError('bad_signature', `the signature of ${name} is wrong`);
  }
  if (seen.size === 0) throw new FormatError('unknown_key', 'no key that is trusted has signed');
  return { text, signed_by: [...seen].map(({ name }) => name) };
}

interface SignatureLine {
  name: string;
  id: Buffer;
  signature: Buffer;
}

function parse(note: Buffer): { text: string; signatures: SignatureLine[] } {
  if (note.length > NOTE_LIMIT_BYTES || !isUtf8(note)) throw malformed('it is not UTF-8, or too long');
  const whole = note.toString('utf8');
  if (hasControlCharacters(whole)) throw malformed('it has control characters');
  // The text may have empty lines of its own: the last one ends it.
  const end = whole.lastIndexOf('\n\n');
  if (end < 0 || !whole.endsWith('\n')) throw malformed('it has no empty line before its signatures');
  const lines = whole.slice(end + 2, -1).split('\n');
  if (lines.length > SIGNATURES_LIMIT) throw malformed('it has too many signatures');
  return { text: whole.slice(0, end + 1), signatures: lines.map(signatureIn) };
}

function signatureIn(line: string): SignatureLine {
  const [name = '', encoded = '', ...more] = line.slice(LINE_HEAD.length).split(' ');
  const bytes = decodeBase64(encoded);
  if (
    !line.startsWith(LINE_HEAD) ||
    !isKeyName(name) ||
    bytes === null ||
    bytes.length <= ID_BYTES ||
    more.length > 0
  ) {
    throw malformed('a line of its signatures is none');
  }
  return { name, id: bytes.subarray(0, ID_BYTES), signature: bytes.subarray(ID_BYTES) };
}

function malformed(detail: string): FormatError {
  return new FormatError('malformed_note', `this is not a signed note: ${detail}`);
}

/** All below U+0020 but the line feed. */
function hasControlCharacters(text: string): boolean {
  return /[\u0000-\u0009\u000b-\u001f]/.test(text);
}
