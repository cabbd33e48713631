import { isDecimal, openCheckpoint } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import { FormatError } from './format-error.js';
import { leafHash } from './hashing.js';
import { readProofText, writeProofText } from './hash-lines.js';
import type { NoteVerifier } from './note-keys.js';
import { provesInclusion } from './proofs.js';

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';
const HEAD = /^(c2sp\.org\/|extra |index )/;

/** That an entry stands in a log, by itself and offline (C2SP tlog-proof). */
export interface TlogProof {
  index: number;
  hashes: Buffer[];
  /** The signed note, as it is. */
  checkpoint: Buffer;
}

export function writeTlogProof({ index, hashes, checkpoint }: TlogProof): string {
  return writeProofText({ head: [FIRST_LINE, `index ${index}`], hashes, checkpoint });
}

/**
 * Extra data is left aside: nobody has signed it.
 *
 * @throws FormatError `malformed_proof`.
 */
export function readTlogProof(text: Buffer): TlogProof {
  const { head, hashes, checkpoint } = readProofText(text, (line, number) => number < 3 && HEAD.test(line));
  const [, index] = /^index (.+)$/.exec(head.at(-1) ?? '') ?? [];
  const between = head.slice(1, -1);
  const right = head[0] === FIRST_LINE && between.every((line) => line.startsWith('extra '));
  if (!right || index === undefined || !isDecimal(index)) {
    throw new FormatError('malformed_proof', `a proof begins with ${FIRST_LINE} and an index`);
  }
  return { index: Number(index), hashes, checkpoint };
}

/**
 * The checkpoint under which the entry stands in the log, or null where the proof does not lead there.
 *
 * @param entry The entry's exact bytes.
 * @throws FormatError where proof or checkpoint are none, or no key that is trusted has signed.
 */
export function verifyTlogProof(
  text: Buffer,
  entry: Buffer,
  { keys, origin }: { keys: readonly NoteVerifier[]; origin?: string },
): (Checkpoint & { index: number }) | null {
  const { index, hashes, checkpoint } = readTlogProof(text);
  const head = openCheckpoint(checkpoint, keys, origin);
  const leaf = { index, leaf_hash: leafHash(entry), size: head.size };
  return provesInclusion(leaf, hashes, head.root) ? { ...head, index } : null;
}
