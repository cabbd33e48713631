/**
 * One item's lease as its owner sees it. The database decides who owns an item (owner and token in every WHERE,
 * GEN-3); this object lets the owner know early that it no longer does, and how long it may still act.
 */
export class Lease {
  #confirmed_at_ms: number;
  #lost = false;
  #controller: AbortController | undefined;

  constructor(
    readonly owner: string,
    readonly token: string,
    private readonly lease_ms: number,
    /** Monotonic time before the claim was sent. */
    confirmed_at_ms: number,
  ) {
    this.#confirmed_at_ms = confirmed_at_ms;
  }

  /** True once a guarded statement changed no row: every side effect must stop (GEN-3). */
  get lost(): boolean {
    return this.#lost;
  }

  /** Aborts when the lease is lost. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#lost) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Lease less the monotonic time since before the claim or the last confirmed renewal (DEL-14). May be negative. */
  remainingMs(): number {
    return this.#lost ? 0 : this.lease_ms - (performance.now() - this.#confirmed_at_ms);
  }

  /** A renewal that was sent at this monotonic time has been confirmed. */
  confirm(sent_at_ms: number): void {
    this.#confirmed_at_ms = sent_at_ms;
  }

  markLost(): void {
    this.#lost = true;
    this.#controller?.abort();
  }
}
