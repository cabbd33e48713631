import { createLog, gauge } from '@assay/observability';

const log = createLog('clock', ['clock_skewed', 'clock_in_step']);
const skews = gauge('assay_clock_skew_seconds', "The host's clock minus the database's, measured once a minute.");

export interface ClockSkewOptions {
  /** The database's clock: RFC 3339. */
  now: () => Promise<string>;
  /** Above this the skew is logged: 2 s (GEN-4). */
  limit_ms?: number;
  interval_ms?: number;
  /** The host's clock, in milliseconds since the epoch. */
  host_now_ms?: () => number;
}

const DEFAULT_LIMIT_MS = 2_000;
const DEFAULT_INTERVAL_MS = 60_000;

/**
 * Measures how far the host's clock is from the database's (GEN-4). Nothing is decided by it: leases and due times go
 * by the database alone; it tells an operator that log times and token expiries of this host are off.
 */
export class ClockSkew {
  readonly #options: Required<ClockSkewOptions>;
  #timer: NodeJS.Timeout | undefined;
  #skewed = false;

  constructor(options: ClockSkewOptions) {
    this.#options = {
      limit_ms: DEFAULT_LIMIT_MS,
      interval_ms: DEFAULT_INTERVAL_MS,
      // eslint-disable-next-line no-restricted-syntax -- the host's clock is what is judged here
      host_now_ms: () => Date.now(),
      ...options,
    };
  }

  start(): void {
    this.#timer = setInterval(() => void this.measure(), this.#options.interval_ms);
    this.#timer.unref();
    void this.measure();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Host minus database in milliseconds; null while the database does not answer. */
  async measure(): Promise<number | null> {
    const { now, limit_ms, host_now_ms } = this.#options;
    const asked_at_ms = host_now_ms();
    const begun = performance.now();
    const answer = await now().catch(() => null);
    if (answer === null) return null;
    // The answer was made about half-way through the round trip.
    const skew_ms = Math.round(asked_at_ms + (performance.now() - begun) / 2 - Date.parse(answer));
    skews.record(skew_ms / 1000);
    const skewed = Math.abs(skew_ms) > limit_ms;
    if (skewed && !this.#skewed) log.warn('clock_skewed', { skew_ms, limit_ms });
    if (!skewed && this.#skewed) log.info('clock_in_step', { skew_ms });
    this.#skewed = skewed;
    return skew_ms;
  }
}
