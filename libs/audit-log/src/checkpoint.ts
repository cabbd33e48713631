import { decodeBase64 } from './base64.js';
import { FormatError } from './format-error.js';
import { HASH_BYTES } from './hashing.js';
import { openNote, signNote } from './note.js';
import type { NoteSigner, NoteVerifier } from './note-keys.js';

/** The head of a log: how many entries it has and the root over them (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** What the log is called: the first line of each of its checkpoints. */
  origin: string;
  size: number;
  root: Buffer;
}

/** The checkpoint as a signed note, with one signature line for each key: two while keys are rotated. */
export function signCheckpoint({ origin, size, root }: Checkpoint, signers: readonly NoteSigner[]): string {
  return signNote(`${origin}\n${size}\n${root.toString('base64')}\n`, signers);
}

/**
 * The checkpoint in a note that one of the keys has signed.
 *
 * @param origin What the log is called, where that is known.
 * @throws FormatError those of {@link openNote}, and `malformed_checkpoint`, for another log's too.
 */
export function openCheckpoint(note: Buffer, keys: readonly NoteVerifier[], origin?: string): Checkpoint {
  const { text } = openNote(note, keys);
  const [named = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n');
  const bytes = decodeBase64(root);
  const right = named !== '' && isDecimal(size) && bytes?.length === HASH_BYTES && !extensions.includes('');
  if (!right) throw new FormatError('malformed_checkpoint', 'a checkpoint has three lines: origin, size and root');
  if (origin !== undefined && origin !== named) {
    throw new FormatError('malformed_checkpoint', `this is a checkpoint of ${named}, not of ${origin}`);
  }
  return { origin: named, size: Number(size), root: bytes };
}

/** Decimal digits without leading zeros, and not beyond what is counted exactly. */
export function isDecimal(text: string): boolean {
  return /^(0|[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(Number(text));
}
