import type { Failure } from '@assay/contracts';

export interface BackoffRule {
  first_ms: number;
  cap_ms: number;
  /** The longest that a receiver may make us wait. */
  retry_after_cap_ms: number;
}

/** DEL-8 as written. */
export const DELIVERY_BACKOFF: BackoffRule = { first_ms: 1_000, cap_ms: 60_000, retry_after_cap_ms: 300_000 };

/**
 * Milliseconds until the next attempt (DEL-8): full jitter, `random(0, min(cap, first × 2^(attempt-1)))`. What the
 * receiver asked for by `Retry-After` counts up to five minutes, and the longer of the two holds.
 *
 * @param attempt the attempt that failed, from 1
 */
export function deliveryBackoffMs(
  attempt: number,
  failure: Pick<Failure, 'retry_after_ms'>,
  rule: BackoffRule = DELIVERY_BACKOFF,
  random: () => number = Math.random,
): number {
  // 2^(attempt-1) leaves the safe range long after the cap has taken over.
  const ceiling_ms = Math.min(rule.cap_ms, rule.first_ms * 2 ** Math.min(attempt - 1, 40));
  const jitter_ms = Math.floor(random() * ceiling_ms);
  const asked_ms = Math.min(failure.retry_after_ms ?? 0, rule.retry_after_cap_ms);
  return Math.max(jitter_ms, asked_ms);
}
