/** When the answer to one request must be given, whatever its steps took; by the monotonic clock (GEN-10). */
export class Deadline {
  readonly #at_ms: number;

  constructor(within_ms: number) {
    this.#at_ms = performance.now() + within_ms;
  }

  /** What is left for the next step; at least 1, so that a step that comes too late fails as any late one does. */
  leftMs(): number {
    return Math.max(1, this.#at_ms - performance.now());
  }
}
