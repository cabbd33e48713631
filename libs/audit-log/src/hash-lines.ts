import { decodeBase64 } from './base64.js';
import { FormatError } from './format-error.js';
import { HASH_BYTES } from './hashing.js';

/** What a proof's text says: a first line, hashes in base64, an empty line, and the checkpoint as it is. */
export interface ProofText {
  head: string[];
  hashes: Buffer[];
  checkpoint: Buffer;
}

export function writeProofText({ head, hashes, checkpoint }: ProofText): string {
  const lines = [...head, ...hashes.map((hash) => hash.toString('base64'))];
  return `${lines.join('\n')}\n\n${checkpoint.toString('utf8')}`;
}

/**
 * @param isHead Whether a line, by its number from 0, belongs to the head.
 * @throws FormatError `malformed_proof`.
 */
export function readProofText(text: Buffer, isHead: (line: string, number: number) => boolean): ProofText {
  const end = text.indexOf('\n\n');
  if (end < 0) throw new FormatError('malformed_proof', 'a proof has an empty line before its checkpoint');
  const lines = text.subarray(0, end).toString('utf8').split('\n');
  const first = lines.findIndex((line, number) => !isHead(line, number));
  const head = first < 0 ? lines : lines.slice(0, first);
  const hashes = lines.slice(head.length).map(decodeBase64);
  if (!hashes.every((hash) => hash?.length === HASH_BYTES)) {
    throw new FormatError('malformed_proof', 'a line of the proof is not a SHA-256 hash in base64');
  }
  return { head, hashes: hashes as Buffer[], checkpoint: text.subarray(end + 2) };
}
