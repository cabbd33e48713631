/**
 * A circuit breaker as plain data (DEL-8, DEL-9): one per destination and replica, in memory, judged by the monotonic
 * clock. Written here because the libraries bind the breaker to the call: cockatiel and opossum reject what comes while
 * the circuit is open, whereas a delivery must not even be claimed, until a time that the circuit names; and a refused credential opens at once, until the credential changes or its probe succeeds.
 */
export interface CircuitRule {
  /**
   * Failures in a row, of the destination and not of one recipient, that open the circuit. Below the quick attempts, so
   * that one lonely row does not spend them on an outage (DEL-8).
   */
  failure_threshold: number;
  /** How long it stays open before one probe may go; doubled with each failed probe. */
  open_ms: number;
  max_open_ms: number;
}

export const CIRCUIT_RULE: CircuitRule = { failure_threshold: 3, open_ms: 2_000, max_open_ms: 30_000 };

export type CircuitPhase = 'closed' | 'open' | 'half_open';

export class Circuit {
  #phase: CircuitPhase = 'closed';
  #failures = 0;
  #reopen_ms: number;
  #opened_at_ms = 0;
  #retry_at_ms = 0;

  constructor(
    private readonly rule: CircuitRule,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    this.#reopen_ms = rule.open_ms;
  }

  get phase(): CircuitPhase {
    return this.#phase;
  }

  /** Asked before each row. `probe` must be answered by exactly one of the four reports below. */
  ask(): 'go' | 'probe' | 'wait' {
    if (this.#phase === 'closed') return 'go';
    if (this.#phase === 'half_open' || this.waitMs() > 0) return 'wait';
    this.#phase = 'half_open';
    return 'probe';
  }

  /** Milliseconds until a probe may go, the one under way left out of account; 0 where it may now, or all may. */
  waitMs(): number {
    if (this.#phase === 'closed') return 0;
    return Math.max(0, this.#retry_at_ms - this.monotonicMs());
  }

  /** The destination answered as one that works does, a refusal of one recipient included. */
  succeeded(): void {
    this.#phase = 'closed';
    this.#failures = 0;
    this.#reopen_ms = this.rule.open_ms;
  }

  /**
   * The destination could not be reached, did not answer, or says that it is overloaded.
   *
   * @param at_least failures in a row that are known from elsewhere: the attempts of one row, which other replicas made
   */
  failed(at_least = 1): void {
    this.#failures = Math.max(this.#failures + 1, at_least);
    if (this.#phase === 'half_open') this.#open(Math.min(this.#reopen_ms * 2, this.rule.max_open_ms));
    else if (this.#phase === 'closed' && this.#failures >= this.rule.failure_threshold) this.#open(this.rule.open_ms);
  }

  /** Our credential was refused, or we were (DEL-7): nothing can go through, so it opens at once, for the longest time. */
  refused(): void {
    this.#open(this.rule.max_open_ms);
  }

  /** The probe did not take place: the next one may. */
  probeWithdrawn(): void {
    if (this.#phase === 'half_open') this.#phase = 'open';
  }

  /** An operator believes that it works again: the next that asks is the probe. */
  probeNow(): void {
    if (this.#phase === 'open') this.#retry_at_ms = this.monotonicMs();
  }

  /** How long it has been open, in milliseconds; 0 when closed. */
  openForMs(): number {
    return this.#phase === 'closed' ? 0 : this.monotonicMs() - this.#opened_at_ms;
  }

  #open(for_ms: number): void {
    const now_ms = this.monotonicMs();
    if (this.#phase === 'closed') this.#opened_at_ms = now_ms;
    this.#phase = 'open';
    this.#reopen_ms = for_ms;
    this.#retry_at_ms = now_ms + for_ms;
  }
}
