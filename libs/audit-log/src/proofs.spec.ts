import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hashesOf, nodesOf, treeOf } from './an-export.fixture.js';
import { leafHash } from './hashing.js';
import { consistencyProof, inclusionProof, provesConsistency, provesInclusion } from './proofs.js';
import { CONSISTENCY_PROOFS, INCLUSION_PROOFS, LEAVES, ROOTS } from './published.fixture.js';

const MOST = 300;
const HASHES = Array.from({ length: MOST }, (_, number) => leafHash(Buffer.from(String(number))));
const ROOT_AT = Array.from({ length: MOST + 1 }, (_, size) => treeOf(HASHES.slice(0, size)).root());
const node = nodesOf(HASHES);

/** A place in a tree: the index of a leaf, or an old size, below the size. */
const places = fc
  .integer({ min: 1, max: MOST })
  .chain((size) => fc.tuple(fc.nat({ max: size - 1 }), fc.constant(size)));
const aBit = fc.tuple(fc.nat(), fc.nat({ max: 31 }), fc.nat({ max: 7 }));

/** The proof with one bit of one hash turned. */
function turned(proof: readonly Buffer[], [which, byte, bit]: [number, number, number]): Buffer[] {
  const copy = proof.map((hash) => Buffer.from(hash));
  const hash = copy[which % copy.length]!;
  hash[byte]! ^= 1 << bit;
  return copy;
}

describe('inclusion', () => {
  it.each(INCLUSION_PROOFS)('DLQ-11.f proves leaf $index of $size as published', async ({ index, size, proof }) => {
    expect(await inclusionProof(index, size, nodesOf(hashesOf(LEAVES)))).toEqual(proof);
    const leaf = { index, leaf_hash: leafHash(LEAVES[index]!), size };
    expect(provesInclusion(leaf, proof, ROOTS[size]!)).toBe(true);
  });

  it('DLQ-11.f is proven for every leaf of any tree', async () => {
    await fc.assert(
      fc.asyncProperty(places, async ([index, size]) => {
        const proof = await inclusionProof(index, size, node);
        expect(proof.length).toBeLessThanOrEqual(Math.ceil(Math.log2(size)));
        expect(provesInclusion({ index, leaf_hash: HASHES[index]!, size }, proof, ROOT_AT[size]!)).toBe(true);
      }),
    );
  });

  it('DLQ-11.f is refused when anything of it is changed', async () => {
    await fc.assert(
      fc.asyncProperty(places, aBit, async ([index, size], bit) => {
        const [leaf_hash, root] = [HASHES[index]!, ROOT_AT[size]!];
        const leaf = { index, leaf_hash, size };
        const proof = await inclusionProof(index, size, node);
        const refused = (...args: Parameters<typeof provesInclusion>) => expect(provesInclusion(...args)).toBe(false);
        if (proof.length > 0) {
          refused(leaf, turned(proof, bit), root);
          refused(leaf, proof.slice(0, -1), root);
          refused(leaf, proof.slice(1), root);
        }
        refused(leaf, [...proof, leaf_hash], root);
        refused(leaf, proof, turned([root], bit)[0]!);
        refused({ ...leaf, leaf_hash: turned([leaf_hash], bit)[0]! }, proof, root);
        refused({ ...leaf, index: size }, proof, root);
        if (size > 1) refused({ ...leaf, index: (index + 1) % size }, proof, root);
      }),
    );
  });

  it('DLQ-11.f is of no leaf beyond the tree', async () => {
    await expect(inclusionProof(3, 3, node)).rejects.toThrow(RangeError);
    await expect(inclusionProof(-1, 3, node)).rejects.toThrow(RangeError);
  });
});

describe('consistency', () => {
  it.each(CONSISTENCY_PROOFS)(
    'DLQ-11.g of $old_size with $size leaves is proven as published',
    async ({ old_size, size, proof }) => {
      expect(await consistencyProof(old_size, size, nodesOf(hashesOf(LEAVES)))).toEqual(proof);
      const old = { size: old_size, root: ROOTS[old_size]! };
      expect(provesConsistency(old, { size, root: ROOTS[size]! }, proof)).toBe(true);
    },
  );

  it('DLQ-11.g is proven between any two sizes', async () => {
    await fc.assert(
      fc.asyncProperty(places, async ([before, size]) => {
        const old = { size: before + 1, root: ROOT_AT[before + 1]! };
        const proof = await consistencyProof(old.size, size, node);
        expect(provesConsistency(old, { size, root: ROOT_AT[size]! }, proof)).toBe(true);
      }),
    );
  });

  it('DLQ-11.g is refused when anything of it is changed', async () => {
    await fc.assert(
      fc.asyncProperty(places, aBit, async ([before, size], bit) => {
        const old = { size: before + 1, root: ROOT_AT[before + 1]! };
        const head = { size, root: ROOT_AT[size]! };
        const proof = await consistencyProof(old.size, size, node);
        const refused = (...args: Parameters<typeof provesConsistency>) =>
          expect(provesConsistency(...args)).toBe(false);
        if (proof.length > 0) {
          refused(old, head, turned(proof, bit));
          refused(old, head, proof.slice(0, -1));
          refused(old, head, proof.slice(1));
        }
        refused(old, head, [...proof, head.root]);
        refused({ ...old, root: turned([old.root], bit)[0]! }, head, proof);
        refused(old, { ...head, root: turned([head.root], bit)[0]! }, proof);
        refused({ ...old, size: size + 1 }, head, proof);
      }),
    );
  });

  it('DLQ-11.g is not proven of an empty tree, nor of a larger one', async () => {
    await expect(consistencyProof(0, 3, node)).rejects.toThrow(RangeError);
    await expect(consistencyProof(4, 3, node)).rejects.toThrow(RangeError);
    expect(provesConsistency({ size: 0, root: ROOT_AT[0]! }, { size: 3, root: ROOT_AT[3]! }, [])).toBe(false);
  });
});
