export interface RateRule {
  per_s: number;
  /** So many may go at once; after that they are spread evenly. At least 1. */
  burst: number;
}

/**
 * So many a second, without a queue of its own: what comes too early is told how long to stay away (the generic cell rate
 * algorithm, judged by the monotonic clock).
 */
export class Rate {
  readonly #interval_ms: number;
  readonly #tolerance_ms: number;
  #theoretical_ms = Number.NEGATIVE_INFINITY;

  /** @param rule null: nothing is held back */
  constructor(
    rule: RateRule | null,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    this.#interval_ms = rule === null ? 0 : 1_000 / rule.per_s;
    this.#tolerance_ms = rule === null ? 0 : (rule.burst - 1) * this.#interval_ms;
  }

  /** Milliseconds until one may go; 0 or less: now. */
  waitMs(): number {
    if (this.#interval_ms === 0) return 0;
    return this.#theoretical_ms - this.#tolerance_ms - this.monotonicMs();
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
