import { Problem } from '@assay/contracts';
import { counter } from '@assay/observability';
import { Rate } from './rate.js';
import type { RateRule } from './rate.js';

const refusals = counter(
  'assay_rate_limited_total',
  'Requests refused because their caller sends too many, by reason: rate, concurrency.',
);

const AGAIN = 'Nothing was read or stored: send it again after Retry-After; the same idempotency key is safe.';
/** Of one refused because others of its caller are under way: nobody knows when one of them ends. */
const ONE_ENDS_MS = 1_000;

interface Caller {
  rate: Rate;
  under_way: number;
}

/**
 * What one caller may ask of this replica, whatever the route (ING-12): so many requests a second, and so many under way.
 * Callers are known by the file of keys, and so are no more than stand there.
 */
export class CallerLimits {
  readonly #callers = new Map<string, Caller>();

  constructor(private readonly limits: { rate: RateRule; concurrency: number }) {}

  /**
   * Counts a request; call what it returns once it is answered, or its caller gone. One that is refused counts for nothing.
   *
   * @throws Problem `rate_limited`, with the time after which to come again
   */
  admit(name: string): () => void {
    const { rate: rule, concurrency } = this.limits;
    const caller = this.#of(name);
    const wait_ms = caller.rate.waitMs();
    if (wait_ms > 0) {
      refusals.add(1, { reason: 'rate' });
      throw refused(`This caller sends more than ${rule.per_s} requests a second to a replica.`, wait_ms);
    }
    if (caller.under_way >= concurrency) {
      refusals.add(1, { reason: 'concurrency' });
      throw refused(
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

  #of(name: string): Caller {
    let caller = this.#callers.get(name);
    if (!caller) {
      caller = { rate: new Rate(this.limits.rate), under_way: 0 };
      this.#callers.set(name, caller);
    }
    return caller;
  }
}

function refused(why: string, again_in_ms: number): Problem {
  return new Problem('rate_limited', {
    detail: `${why} ${AGAIN}`,
    headers: { 'retry-after': String(Math.max(1, Math.ceil(again_in_ms / 1_000))) },
  });
}
