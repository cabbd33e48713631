import { counter } from '@assay/observability';
import { Rate } from './rate.js';
import type { RateRule } from './rate.js';
import { Refusal } from './refusal.js';

const refusals = counter(
  'assay_rate_limited_total',
  'Requests refused because their caller sends too many, by reason: rate, concurrency.',
);

const AGAIN = 'Nothing was read or stored: send it again after Retry-After; the same idempotency key is safe.';
/** Of one refused because others of its caller are under way: nobody knows when one of them ends. */
const ONE_ENDS_MS = 1_000;
/** Whoever does not heed what it is told pushes its own others no further than that. */
const LONGEST_AWAY_MS = 60_000;

interface Caller {
  rate: Rate;
  /** The last of those that were refused has been told to come by then. */
  told_until_ms: number;
  under_way: number;
}

/**
 * What one caller may ask of this replica, whatever the route (ING-12): so many requests a second, and so many under way.
 * Callers are known by the file of keys, and so are no more than stand there.
 */
export class CallerLimits {
  readonly #callers = new Map<string, Caller>();

  constructor(
    private readonly limits: { rate: RateRule; concurrency: number },
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  /**
   * Counts a request; call what it returns once it is answered, or its caller gone. One that is refused counts for nothing.
   */
  admit(name: string): (() => void) | Refusal {
    const { rate: rule, concurrency } = this.limits;
    const caller = this.#of(name);
    const wait_ms = caller.rate.waitMs();
    if (wait_ms > 0) {
      refusals.add(1, { reason: 'rate' });
      return refused(
        `This caller sends more than ${rule.per_s} requests a second to a replica.`,
        this.#awayMs(caller, wait_ms),
      );
    }
    if (caller.under_way >= concurrency) {
      refusals.add(1, { reason: 'concurrency' });
      return refused(
        `${concurrency} requests of this caller are under way here, which is all it may have.`,
        ONE_ENDS_MS,
      );
    }
    caller.rate.take();
    caller.under_way += 1;
    return () => {
      caller.under_way -= 1;
    };
  }

  /**
   * Those that are refused are told to come one after the other, as the rate will let them in. Told the same time they
   * would all come at once, second after second: of 3,000 that a source sends at once, 100 would be let in and the rest cost
   * more than these.
   */
  #awayMs(caller: Caller, wait_ms: number): number {
    const now_ms = this.monotonicMs();
    const next_ms = Math.max(caller.told_until_ms, now_ms + wait_ms) + 1_000 / this.limits.rate.per_s;
    caller.told_until_ms = Math.min(next_ms, now_ms + LONGEST_AWAY_MS);
    return caller.told_until_ms - now_ms;
  }

  #of(name: string): Caller {
    let caller = this.#callers.get(name);
    if (!caller) {
      caller = { rate: new Rate(this.limits.rate, this.monotonicMs), told_until_ms: 0, under_way: 0 };
      this.#callers.set(name, caller);
    }
    return caller;
  }
}

function refused(why: string, again_in_ms: number): Refusal {
  return new Refusal('rate_limited', `${why} ${AGAIN}`, again_in_ms);
}
