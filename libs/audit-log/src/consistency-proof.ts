import { isDecimal, openCheckpoint } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import { FormatError } from './format-error.js';
import { readProofText, writeProofText } from './hash-lines.js';
import type { NoteVerifier } from './note-keys.js';
import { provesConsistency } from './proofs.js';

/** That a log has only grown since a checkpoint, in the form in which C2SP's witnesses are asked (tlog-witness). */
export interface ConsistencyProof {
  old_size: number;
  hashes: Buffer[];
  /** The newer checkpoint: the signed note, as it is. */
  checkpoint: Buffer;
}

export function writeConsistencyProof({ old_size, hashes, checkpoint }: ConsistencyProof): string {
  return writeProofText({ head: [`old ${old_size}`], hashes, checkpoint });
}

/** @throws FormatError `malformed_proof`. */
export function readConsistencyProof(text: Buffer): ConsistencyProof {
  const { head, hashes, checkpoint } = readProofText(text, (line, number) => number === 0 && line.startsWith('old '));
  const size = head[0]?.slice('old '.length) ?? '';
  if (!isDecimal(size)) throw new FormatError('malformed_proof', 'a proof of consistency begins with old and a size');
  return { old_size: Number(size), hashes, checkpoint };
}

/**
 * Whether the proof's checkpoint continues the older one.
 *
 * @throws FormatError where proof or checkpoint are none, or no key that is trusted has signed.
 */
export function verifyConsistencyProof(
  text: Buffer,
  old: Pick<Checkpoint, 'size' | 'root'>,
  { keys, origin }: { keys: readonly NoteVerifier[]; origin?: string },
): boolean {
  const { old_size, hashes, checkpoint } = readConsistencyProof(text);
  return old_size === old.size && provesConsistency(old, openCheckpoint(checkpoint, keys, origin), hashes);
}
