import { signCheckpoint } from './checkpoint.js';
import { CompactTree } from './compact-tree.js';
import { encodeEntry } from './entry.js';
import type { NewAuditEntry } from './entry.js';
import { leafHash } from './hashing.js';
import type { NodeSource } from './proofs.js';
import { newNoteKeys, readSignerKey, readVerifierKey } from './note-keys.js';
import { nodesFrom } from './stored-nodes.js';

export const ORIGIN = 'assay.example/audit';

/** A new key of a log, as its holder and as others have it. */
export function aKey(name = ORIGIN) {
  const { signer_key, verifier_key } = newNoteKeys(name);
  return { signer: readSignerKey(signer_key), verifier: readVerifierKey(verifier_key) };
}

const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** The time of an entry, `seconds` after the log began. */
export const timeAt = (seconds: number): string => new Date(START_MS + seconds * 1_000).toISOString();

/** A dead letter that an operator has given up, the `number`th. */
export function anEntry(number: number, differs: Partial<NewAuditEntry> = {}): NewAuditEntry {
  return {
    ...{ id: `01900000-0000-7000-8000-${String(number).padStart(12, '0')}`, occurred_at: timeAt(number) },
    ...{
      service: 'dead-letter',
      action: 'dead_letter.discarded',
      outcome: 'done',
      actor: 'key:dana',
      role: 'operator',
    },
    ...{ origin: '192.0.2.7', subject_type: 'dead_letter', subject_id: `letter-${number}`, source: 'acme' },
    ...{ reason: 'the mailbox is gone', correlation_id: `corr-${number}`, details: { from: 'open', forced: false } },
    ...differs,
  };
}

/** Entries as they are stored, by their number. */
export const entries = (count: number, from = 0): Buffer[] =>
  Array.from({ length: count }, (_, place) => encodeEntry(anEntry(from + place)));

export const hashesOf = (of: readonly Buffer[]): Buffer[] => of.map((bytes) => leafHash(bytes));

export function treeOf(hashes: readonly Buffer[]): CompactTree {
  const tree = new CompactTree();
  for (const hash of hashes) tree.append(hash);
  return tree;
}

export const headOf = (of: readonly Buffer[]) => ({
  origin: ORIGIN,
  size: of.length,
  root: treeOf(hashesOf(of)).root(),
});

export const checkpointOf = (of: readonly Buffer[], ...signers: Parameters<typeof signCheckpoint>[1]): Buffer =>
  Buffer.from(signCheckpoint(headOf(of), signers));

export const nodesOf = (hashes: readonly Buffer[]): NodeSource =>
  nodesFrom((first, count) => Promise.resolve(Buffer.concat(hashes.slice(first, first + count))));

/** Bytes as a stream gives them, in chunks of this length. */
export async function* streamOf(bytes: Buffer, chunk_bytes = 100): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += chunk_bytes) {
    yield await Promise.resolve(bytes.subarray(at, at + chunk_bytes));
  }
}

export const linesStream = (of: readonly Buffer[], chunk_bytes?: number) =>
  streamOf(Buffer.concat(of.flatMap((line) => [line, Buffer.from('\n')])), chunk_bytes);
