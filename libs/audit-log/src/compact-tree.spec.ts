import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashesOf, treeOf } from './an-export.fixture.js';
import { CompactTree } from './compact-tree.js';
import { EMPTY_ROOT, leafHash, nodeHash } from './hashing.js';
import { LEAVES, ROOTS } from './published.fixture.js';

/** MTH of RFC 6962, section 2.1, word for word. */
function definedRoot(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 0) return EMPTY_ROOT;
  if (hashes.length === 1) return hashes[0]!;
  let middle = 1;
  while (2 * middle < hashes.length) middle *= 2;
  return nodeHash(definedRoot(hashes.slice(0, middle)), definedRoot(hashes.slice(middle)));
}

const leaves = fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 200 });

describe('the tree', () => {
  it('DLQ-11.d has the published roots at every size', () => {
    const roots = ROOTS.map((_, size) =>
      treeOf(hashesOf(LEAVES.slice(0, size)))
        .root()
        .toString('hex'),
    );
    expect(roots).toEqual(ROOTS.map((root) => root.toString('hex')));
  });

  it('DLQ-11.d has the root that RFC 6962 defines, for any leaves', () => {
    fc.assert(
      fc.property(leaves, (bytes) => {
        const hashes = bytes.map(leafHash);
        expect(treeOf(hashes).root()).toEqual(definedRoot(hashes));
      }),
    );
  });

  it('DLQ-11.d goes on from its stored subtrees, at any size', () => {
    fc.assert(
      fc.property(leaves, fc.nat(), (bytes, at) => {
        const hashes = bytes.map(leafHash);
        const size = bytes.length === 0 ? 0 : at % (bytes.length + 1);
        const { subtrees } = treeOf(hashes.slice(0, size));
        const resumed = new CompactTree(size, subtrees);
        for (const hash of hashes.slice(size)) resumed.append(hash);
        expect(resumed.size).toBe(bytes.length);
        expect(resumed.root()).toEqual(definedRoot(hashes));
      }),
    );
  });

  it('DLQ-11.d tells leaves from nodes: a node as a leaf has another hash', () => {
    const [left, right] = hashesOf(LEAVES.slice(0, 2)) as [Buffer, Buffer];
    expect(leafHash(Buffer.concat([left, right]))).not.toEqual(nodeHash(left, right));
  });

  it.each([
    [3, 1],
    [4, 2],
    [-1, 0],
    [1.5, 1],
  ])('DLQ-11.d does not go on from %d leaves with %d subtrees', (size, subtrees) => {
    expect(
      () =>
        new CompactTree(
          size,
          Array.from({ length: subtrees }, () => EMPTY_ROOT),
        ),
    ).toThrow(RangeError);
  });

  it('DLQ-11.d does not go on from what is no hash', () => {
    expect(() => new CompactTree(1, [Buffer.alloc(31)])).toThrow(RangeError);
  });
});
