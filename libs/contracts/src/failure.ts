/**
 * Failures are values (GEN-7): a stable class and code, whether an automatic retry can mend it, and the cause.
 * Nothing in Assay decides on message text.
 */
export const ERROR_CLASSES = [
  // what was submitted is wrong
  'INVALID_JSON',
  'SCHEMA_INVALID',
  'INCOMPATIBLE_VERSION',
  'LIMIT_EXCEEDED',
  'POLICY_DENIED',
  // where it was to go
  'RECIPIENT_INVALID',
  'POLICY_REJECTED',
  'OUTCOME_UNKNOWN',
  'AUTHENTICATION_FAILED',
  // what it depends on
  'DEPENDENCY_UNAVAILABLE',
  'DEPENDENCY_TIMEOUT',
  'CONFLICT',
  'NOT_FOUND',
  // Assay itself
  'WORKER_CRASH_LOOP',
  'PUBLISH_REJECTED',
  'TRANSPORT_MALFORMED',
  'NO_NEWS',
  'PROGRAMMING_ERROR',
] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];

export interface FailureOptions {
  error_class: ErrorClass;
  /** Stable, lower snake case; narrower than the class, e.g. `smtp_550` or `connection_refused`. */
  code: string;
  retryable: boolean;
  /** For people only; never read by code. */
  message: string;
  /** What the other side asked us to wait, in milliseconds. */
  retry_after_ms?: number;
  /** The other side's own status (HTTP or SMTP), when there was one. */
  upstream_status?: number;
  cause?: unknown;
}

/** The one error type that carries a decision (GEN-7). Anything else that is thrown is a bug (DLQ-1). */
export class Failure extends Error {
  readonly error_class: ErrorClass;
  readonly code: string;
  readonly retryable: boolean;
  readonly retry_after_ms?: number;
  readonly upstream_status?: number;

  constructor(options: FailureOptions) {
    super(options.message, { cause: options.cause });
    this.name = 'Failure';
    this.error_class = options.error_class;
    this.code = options.code;
    this.retryable = options.retryable;
    this.retry_after_ms = options.retry_after_ms;
    this.upstream_status = options.upstream_status;
  }

  /** What was thrown, as a failure: a `Failure` is itself, anything else is a programming error (DLQ-1). */
  static from(thrown: unknown): Failure {
    if (thrown instanceof Failure) return thrown;
    return new Failure({
      error_class: 'PROGRAMMING_ERROR',
      code: 'unexpected_error',
      retryable: false,
      message: thrown instanceof Error ? thrown.message : String(thrown),
      cause: thrown,
    });
  }
}
