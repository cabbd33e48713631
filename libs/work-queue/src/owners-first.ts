/**
 * Whether owners go before sweepers: after an outage every lease may have ended, and every owner may live, so they have the
 * time of a lease to renew, as without the outage (WQ-2). Not without end, or an outage that comes and goes would keep what a
 * crash has left: deferring ends once Postgres has been writable for a lease, all in all. What it was away for does not
 * count, for nobody could renew.
 */
export class OwnersFirst {
  #deferred_ms = 0;
  #asked_at_ms: number;

  constructor(
    private readonly lease_ms: number,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    this.#asked_at_ms = monotonicMs();
  }

  /** @param writable_for_ms for how long Postgres has been taking this process's writes; 0 while it does not */
  defers(writable_for_ms: number): boolean {
    const now_ms = this.monotonicMs();
    const since_asked_ms = now_ms - this.#asked_at_ms;
    this.#asked_at_ms = now_ms;
    if (writable_for_ms >= this.lease_ms) {
      this.#deferred_ms = 0;
      return false;
    }
    this.#deferred_ms += Math.min(writable_for_ms, since_asked_ms);
    return writable_for_ms === 0 || this.#deferred_ms < this.lease_ms;
  }
}
