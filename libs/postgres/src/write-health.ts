import { Failure } from '@assay/contracts';

/** What says that Postgres cannot be written to now, by whomever. */
const OUTAGES = new Set(['DEPENDENCY_UNAVAILABLE', 'DEPENDENCY_TIMEOUT', 'AUTHENTICATION_FAILED']);

/**
 * Since when this process's writes have been failing (GEN-10). Reads prove nothing: a read-only server answers them all.
 * By the monotonic clock (GEN-4).
 */
export class WriteHealth {
  #failing_since_ms: number | null = null;
  #failed_at_ms = 0;
  #recovered_at_ms = Number.NEGATIVE_INFINITY;
  #failure: Failure | null = null;

  constructor(
    private readonly limit_ms: number,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  succeeded(): void {
    if (this.#failing_since_ms !== null) this.#recovered_at_ms = this.monotonicMs();
    this.#failing_since_ms = null;
    this.#failure = null;
  }

  /** Failures that are not the server's, a conflict or a bug, say nothing. */
  failed(thrown: unknown): void {
    if (!(thrown instanceof Failure) || !OUTAGES.has(thrown.error_class)) return;
    this.#failed_at_ms = this.monotonicMs();
    this.#failing_since_ms ??= this.#failed_at_ms;
    this.#failure = thrown;
  }

  /**
   * A look at the server found that it takes writes. It counts once no write has failed for as long as the limit: a
   * replica that gets no requests, for it is not ready, has nothing else to go by.
   */
  looksWell(): void {
    if (this.monotonicMs() - this.#failed_at_ms >= this.limit_ms) this.succeeded();
  }

  /** For how long writes have been succeeding since they last failed; 0 while they fail. */
  get succeedingForMs(): number {
    return this.#failing_since_ms === null ? this.monotonicMs() - this.#recovered_at_ms : 0;
  }

  /** Why this replica should not be sent requests; null while writes succeed or have not failed for long. */
  get complaint(): Failure | null {
    if (this.#failing_since_ms === null) return null;
    return this.monotonicMs() - this.#failing_since_ms >= this.limit_ms ? this.#failure : null;
  }
}
