import { fullJitterMs, IDLE_BACKOFF } from './backoff.js';
import type { BackoffOptions } from './backoff.js';

/**
 * How a loop with nothing to do waits (WQ-6): for an in-process signal, for the next due time, or for a poll whose
 * interval grows with full jitter while nothing comes. No NOTIFY: it takes a global lock at commit.
 */
export class IdleWait {
  #idle_rounds = 0;
  #signalled = false;
  #wake: (() => void) | undefined;

  constructor(private readonly backoff: BackoffOptions = IDLE_BACKOFF) {}

  /** Ends the present wait, or the next one before it begins. */
  signal(): void {
    this.#signalled = true;
    this.#wake?.();
  }

  /** Work was found: the next wait starts from the shortest again. */
  reset(): void {
    this.#idle_rounds = 0;
  }

  /** The next wait in ms: to the next due time when that comes sooner than the poll. */
  nextWaitMs(next_due_ms: number | null, random = Math.random): number {
    this.#idle_rounds += 1;
    // At least a millisecond: a due time just ahead must not spin.
    const poll_ms = Math.max(1, fullJitterMs(this.#idle_rounds, this.backoff, random));
    return next_due_ms === null ? poll_ms : Math.max(1, Math.min(poll_ms, Math.ceil(next_due_ms)));
  }

  async wait(wait_ms: number): Promise<void> {
    if (!this.#signalled) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait_ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    if (this.#signalled) this.reset();
    this.#signalled = false;
  }
}
