import { foldRight } from './compact-tree.js';
import { nodeHash } from './hashing.js';

/** Answers the root of a perfect subtree: at level 0 the hash of leaf `position`, at level n that of 2^n leaves. */
export type NodeSource = (level: number, position: number) => Buffer | Promise<Buffer>;

/** Leaves from `begin` up to, and without, `end`. */
type Range = readonly [begin: number, end: number];

/**
 * The proof that leaf `index` stands in the tree of `size` leaves: the hashes beside its way to the root, the leaf's
 * sibling first (RFC 6962, section 2.1.1).
 *
 * @throws RangeError where the tree has no such leaf.
 */
export async function inclusionProof(index: number, size: number, node: NodeSource): Promise<Buffer[]> {
  if (!isIndex(index) || index >= size) throw new RangeError(`there is no leaf ${index} in a tree of ${size}`);
  return rootsOf(pathRanges(index, [0, size]), node);
}

/**
 * The proof that the tree of `old_size` leaves is the beginning of that of `size` leaves (RFC 6962, section 2.1.2).
 *
 * @throws RangeError where the old tree is empty, of which nothing is to be proven, or the larger one.
 */
export async function consistencyProof(old_size: number, size: number, node: NodeSource): Promise<Buffer[]> {
  if (!isIndex(old_size) || old_size === 0 || old_size > size) {
    throw new RangeError(`a tree of ${old_size} leaves is not the beginning of one of ${size}`);
  }
  return rootsOf(subproofRanges(old_size, [0, size], true), node);
}

/** Whether the proof leads from this leaf to this root (RFC 9162, section 2.1.3.2). */
export function provesInclusion(
  { index, leaf_hash, size }: { index: number; leaf_hash: Buffer; size: number },
  proof: readonly Buffer[],
  root: Buffer,
): boolean {
  if (!isIndex(index) || index >= size) return false;
  const way = new Way(index, size - 1);
  let hash = leaf_hash;
  for (const beside of proof) {
    if (way.ended) return false;
    hash = way.step() === 'left' ? nodeHash(beside, hash) : nodeHash(hash, beside);
  }
  return way.ended && hash.equals(root);
}

/** Whether the proof leads from the root of the first `old.size` leaves to that of all (RFC 9162, section 2.1.4.2). */
export function provesConsistency(
  old: { size: number; root: Buffer },
  { size, root }: { size: number; root: Buffer },
  proof: readonly Buffer[],
): boolean {
  if (!isIndex(old.size) || old.size === 0 || old.size > size) return false;
  if (old.size === size) return proof.length === 0 && old.root.equals(root);
  const [first, ...rest] = isPowerOfTwo(old.size) ? [old.root, ...proof] : proof;
  if (first === undefined || proof.length === 0) return false;
  const way = new Way(old.size - 1, size - 1);
  way.climbWhileOnTheRight();
  let [old_hash, hash] = [first, first];
  for (const beside of rest) {
    if (way.ended) return false;
    if (way.step() === 'left') {
      old_hash = nodeHash(beside, old_hash);
      hash = nodeHash(beside, hash);
    } else {
      hash = nodeHash(hash, beside);
    }
  }
  return way.ended && old_hash.equals(old.root) && hash.equals(root);
}

/** The way from a leaf up to the root, beside that of the last leaf: `fn` and `sn` of RFC 9162. */
class Way {
  constructor(
    private position: number,
    private last: number,
  ) {}

  get ended(): boolean {
    return this.last === 0;
  }

  climbWhileOnTheRight(): void {
    while (this.position % 2 === 1) this.#climb();
  }

  /** On which side the next hash of the proof stands. */
  step(): 'left' | 'right' {
    const side = this.position % 2 === 1 || this.position === this.last ? 'left' : 'right';
    // The last node of a level that has no sibling is the same node one level up.
    if (side === 'left') while (this.position % 2 === 0 && this.position !== 0) this.#climb();
    this.#climb();
    return side;
  }

  #climb(): void {
    this.position = Math.floor(this.position / 2);
    this.last = Math.floor(this.last / 2);
  }
}

/** PATH(m, D[n]) of RFC 6962, as the ranges whose roots it lists. */
function pathRanges(index: number, [begin, end]: Range): Range[] {
  if (end - begin === 1) return [];
  const middle = begin + largestPowerBelow(end - begin);
  return index < middle
    ? [...pathRanges(index, [begin, middle]), [middle, end]]
    : [...pathRanges(index, [middle, end]), [begin, middle]];
}

/** SUBPROOF(m, D[n], b) of RFC 6962, as the ranges whose roots it lists; `known`: the verifier has this range's root. */
function subproofRanges(old_end: number, [begin, end]: Range, known: boolean): Range[] {
  if (old_end === end) return known ? [] : [[begin, end]];
  const middle = begin + largestPowerBelow(end - begin);
  return old_end <= middle
    ? [...subproofRanges(old_end, [begin, middle], known), [middle, end]]
    : [...subproofRanges(old_end, [middle, end], false), [begin, middle]];
}

function rootsOf(ranges: readonly Range[], node: NodeSource): Promise<Buffer[]> {
  return Promise.all(ranges.map((range) => rootOf(range, node)));
}

/** A range of a proof begins where a perfect subtree as large as itself would. */
async function rootOf([begin, end]: Range, node: NodeSource): Promise<Buffer> {
  const subtrees: (Buffer | Promise<Buffer>)[] = [];
  for (let from = begin; from < end;) {
    let [level, leaves] = [0, 1];
    while (from + 2 * leaves <= end) [level, leaves] = [level + 1, 2 * leaves];
    subtrees.push(node(level, from / leaves));
    from += leaves;
  }
  return foldRight(await Promise.all(subtrees))!;
}

/** The largest power of two that is smaller than `count`, which is 2 at least. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}

function isPowerOfTwo(size: number): boolean {
  return largestPowerBelow(size + 1) === size;
}

const isIndex = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
