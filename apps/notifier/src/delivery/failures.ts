import { Failure } from '@assay/contracts';
import type { Held } from './destination-lane.js';

export function outcomeUnknown(code: string): Failure {
  return new Failure({
    error_class: 'OUTCOME_UNKNOWN',
    code,
    retryable: false,
    message: 'it may have been sent, and nobody can tell',
  });
}

/** Ambiguous, and the receiver is idempotent or can be asked: worth another attempt. */
export function asRetryable(failure: Failure): Failure {
  const { error_class, code, message, upstream_status, retry_after_ms } = failure;
  return new Failure({ error_class, code, message, upstream_status, retry_after_ms, retryable: true, cause: failure });
}

export function notAvailable(reason: Held['reason'], destination: string): Failure {
  return new Failure({
    error_class: reason === 'credential_refused' ? 'AUTHENTICATION_FAILED' : 'DEPENDENCY_UNAVAILABLE',
    code: reason,
    retryable: true,
    message: `${destination} is not available`,
  });
}
