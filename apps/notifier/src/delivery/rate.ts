/** A second's worth may go at once; after that sends are spread evenly. */
const BURST_MS = 1_000;

/**
 * So many sends a second, without a queue of its own: what comes too early is told how long to stay away (the generic
 * cell rate algorithm, judged by the monotonic clock).
 */
export class Rate {
  readonly #interval_ms: number;
  #theoretical_ms = Number.NEGATIVE_INFINITY;

  constructor(
    rate_per_s: number | null,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    this.#interval_ms = rate_per_s === null ? 0 : 1_000 / rate_per_s;
  }

  /** Milliseconds until one may go; 0 or less: now. */
  waitMs(): number {
    if (this.#interval_ms === 0) return 0;
    return this.#theoretical_ms + this.#interval_ms - BURST_MS - this.monotonicMs();
  }

  /** One goes. */
  take(): void {
    if (this.#interval_ms === 0) return;
    this.#theoretical_ms = Math.max(this.#theoretical_ms, this.monotonicMs()) + this.#interval_ms;
  }

  /** One that was taken did not go. */
  giveBack(): void {
    if (this.#interval_ms !== 0) this.#theoretical_ms -= this.#interval_ms;
  }
}
