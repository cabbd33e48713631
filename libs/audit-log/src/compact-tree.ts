import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './hashing.js';

/**
 * A growing RFC 6962 tree of which only the roots of its perfect subtrees are kept, the largest first: one for each bit
 * that is set in its size, so that a billion leaves take 30 hashes.
 */
export class CompactTree {
  #size: number;
  readonly #subtrees: Buffer[];

  /**
   * @param size Of the tree to go on from.
   * @param subtrees What `subtrees` of that tree gave.
   * @throws RangeError where there are more or fewer hashes than a tree of this size has.
   */
  constructor(size = 0, subtrees: readonly Buffer[] = []) {
    const right = subtrees.every(({ length }) => length === HASH_BYTES) && subtrees.length === bitsSetIn(size);
    if (!Number.isSafeInteger(size) || size < 0 || !right) {
      throw new RangeError(`a tree of ${size} leaves does not have these ${subtrees.length} subtrees`);
    }
    this.#size = size;
    this.#subtrees = [...subtrees];
  }

  /** Leaves. */
  get size(): number {
    return this.#size;
  }

  /** The roots of its perfect subtrees, the largest first: all that is needed to go on from here. */
  get subtrees(): readonly Buffer[] {
    return this.#subtrees;
  }

  append(leaf_hash: Buffer): void {
    let subtree = leaf_hash;
    // As many subtrees are complete with this leaf as the old size ends in set bits.
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      subtree = nodeHash(this.#subtrees.pop()!, subtree);
    }
    this.#subtrees.push(subtree);
    this.#size += 1;
  }

  root(): Buffer {
    return foldRight(this.#subtrees) ?? EMPTY_ROOT;
  }
}

/** The root over perfect subtrees that stand beside each other, the largest first. */
export function foldRight(subtrees: readonly Buffer[]): Buffer | undefined {
  return subtrees.reduceRight<Buffer | undefined>(
    (right, left) => (right === undefined ? left : nodeHash(left, right)),
    undefined,
  );
}

function bitsSetIn(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
