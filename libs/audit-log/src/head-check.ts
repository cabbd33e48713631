import { CompactTree } from './compact-tree.js';

/** How many leaves a signed checkpoint speaks of, and the root over them. */
export interface Head {
  size: number;
  root: Buffer;
}

/** Grows a tree leaf by leaf and holds it against each head as it reaches its size. */
export class HeadCheck {
  readonly #tree = new CompactTree();
  readonly #heads: readonly Head[];
  readonly #holds: boolean[] = [];

  /** @param heads By size, the smallest first. */
  constructor(heads: readonly Head[]) {
    this.#heads = heads;
    this.#judge();
  }

  /** Leaves so far. */
  get size(): number {
    return this.#tree.size;
  }

  append(leaf_hash: Buffer): void {
    this.#tree.append(leaf_hash);
    this.#judge();
  }

  /** Whether the head at this place holds; one that was not reached does not. */
  holds(place: number): boolean {
    return this.#holds[place] ?? false;
  }

  holdsLast(): boolean {
    return this.holds(this.#heads.length - 1);
  }

  /** The place of the first head that does not hold; -1 where all do. */
  firstFailure(): number {
    return this.#heads.findIndex((_, place) => !this.holds(place));
  }

  /** Up to which index the leaves are proven before the head at this place. */
  provenBefore(place: number): number {
    return this.#heads[place - 1]?.size ?? 0;
  }

  #judge(): void {
    for (let head = this.#next(); head?.size === this.#tree.size; head = this.#next()) {
      this.#holds.push(this.#tree.root().equals(head.root));
    }
  }

  #next(): Head | undefined {
    return this.#heads[this.#holds.length];
  }
}
