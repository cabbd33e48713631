import { CompactTree } from './compact-tree.js';
import { HASH_BYTES, nodeHash } from './hashing.js';
import type { NodeSource } from './proofs.js';

/** Subtrees of 2^10 leaves are read at once: 32 KiB. */
const READ_LEVEL = 10;

/** The nodes of a tree of which the leaf hashes are stored one after another; never more than a few KiB are in memory. */
export function nodesFrom(read: (first: number, count: number) => Promise<Buffer>): NodeSource {
  const node = async (level: number, position: number): Promise<Buffer> => {
    if (level > READ_LEVEL) {
      const left = await node(level - 1, 2 * position);
      return nodeHash(left, await node(level - 1, 2 * position + 1));
    }
    const count = 2 ** level;
    const hashes = await read(position * count, count);
    const tree = new CompactTree();
    for (let at = 0; at < count; at += 1) tree.append(hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES));
    return tree.root();
  };
  return node;
}
