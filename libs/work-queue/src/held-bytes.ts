/**
 * Bytes of payloads that the items of one queue hold in this process: each from its claim, or its permit, until its outcome
 * is stored. What one claim takes may not go beyond what is free; the first of it may where nothing is held, or an item
 * that is larger than the whole bound would never go.
 */
export class HeldBytes {
  #held = 0;

  /** @param max bytes that may be held at once */
  constructor(private readonly max: number) {}

  get free(): number {
    return Math.max(0, this.max - this.#held);
  }

  get any(): boolean {
    return this.#held > 0;
  }

  take(bytes: number): void {
    this.#held += bytes;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
  }
}

/** How many of the first come to no more bytes than there is room for. */
export function fitting(sizes: readonly number[], room_bytes: number): number {
  let bytes = 0;
  const first_too_many = sizes.findIndex((size) => (bytes += size) > room_bytes);
  return first_too_many === -1 ? sizes.length : first_too_many;
}

/** The same, and the first of them whatever its size: for what goes alone where it is larger than the bound. */
export function groupsOf<T>(all: readonly T[], sizeOf: (each: T) => number, max_bytes: number): T[][] {
  const groups: T[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const each of all) {
    const size = sizeOf(each);
    if (bytes + size > max_bytes) groups.push([each]);
    else groups.at(-1)!.push(each);
    bytes = (groups.at(-1)!.length === 1 ? 0 : bytes) + size;
  }
  return groups;
}
