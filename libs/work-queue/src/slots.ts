/** How many items of a queue are at work in this process: each from the claim, or the permit, until its outcome is stored. */
export class Slots {
  #occupied = 0;
  #wake: (() => void) | undefined;

  /** @param size items that may be at work at once */
  constructor(private readonly size: number) {}

  get occupied(): number {
    return this.#occupied;
  }

  get free(): number {
    return this.size - this.#occupied;
  }

  occupy(n: number): void {
    this.#occupied += n;
  }

  release(n: number): void {
    this.#occupied -= n;
    this.wake();
  }

  /** Resolves at the next release, or when it is woken. One waits at a time. */
  released(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
