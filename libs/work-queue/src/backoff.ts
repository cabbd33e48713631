import type { Failure } from '@assay/contracts';

/** Attempts of a stage and generation, the first included (DLQ-2); of deliveries a schedule decides (DEL-8). */
export const MAX_ATTEMPTS = 5;

export interface BackoffOptions {
  first_ms: number;
  cap_ms: number;
}

/** Retries of a stage's attempts (DEL-8). */
export const ATTEMPT_BACKOFF: BackoffOptions = { first_ms: 1_000, cap_ms: 60_000 };
/** Polls of an idle worker (WQ-6). */
export const IDLE_BACKOFF: BackoffOptions = { first_ms: 250, cap_ms: 5_000 };

/**
 * Full jitter: uniform in `[0, min(cap, first × 2^(attempt − 1))]`, in whole milliseconds. Workers that failed together
 * do not come back together, which equal steps or half jitter would leave them to.
 *
 * @param attempt from 1
 */
export function fullJitterMs(attempt: number, options: BackoffOptions = ATTEMPT_BACKOFF, random = Math.random): number {
  const ceiling_ms = Math.min(options.cap_ms, options.first_ms * 2 ** Math.min(attempt - 1, 30));
  return Math.round(random() * ceiling_ms);
}

/** A retry's wait: full jitter, but never less than the other side asked for, whose wish counts up to 5 minutes (DEL-8). */
export function retryWaitMs(
  attempt: number,
  retry_after_ms: number | undefined,
  options: BackoffOptions = ATTEMPT_BACKOFF,
  random = Math.random,
): number {
  return Math.max(fullJitterMs(attempt, options, random), Math.min(retry_after_ms ?? 0, 300_000));
}

/** A stage's budget: milliseconds until the next of {@link MAX_ATTEMPTS} attempts, null after the last. */
export function fiveAttempts(failed: { attempt: number; failure: Pick<Failure, 'retry_after_ms'> }): number | null {
  return failed.attempt < MAX_ATTEMPTS ? retryWaitMs(failed.attempt, failed.failure.retry_after_ms) : null;
}
