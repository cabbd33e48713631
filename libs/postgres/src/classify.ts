import { Failure } from '@assay/contracts';

interface DriverError {
  code?: unknown;
  message?: unknown;
  constraint?: unknown;
}

/** SQLSTATE classes and codes after which the same statement may well succeed (DLQ-1). */
const CONFLICTS = new Set(['40001', '40P01', '55P03', '23505', '23P01']);
const UNAVAILABLE_CLASSES = new Set(['08', '53', '57', '58']);
const SQLSTATE = /^[0-9A-Z]{5}$/;

/**
 * An error of the driver as a failure (DLQ-1, GEN-7). By SQLSTATE or Node's error code, never by its text: what the
 * driver throws without any code is about the connection (it was ended, or none came free in time).
 */
export function classifyPostgresError(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { code, message } = (error ?? {}) as DriverError;
  const text = typeof message === 'string' ? message : String(error);
  if (error instanceof TypeError || error instanceof RangeError) return Failure.from(error);
  if (typeof code !== 'string' || !SQLSTATE.test(code)) return unavailable('postgres_unreachable', text, error);
  if (CONFLICTS.has(code)) {
    return new Failure({
      error_class: 'CONFLICT',
      code: `postgres_${code.toLowerCase()}`,
      retryable: true,
      message: text,
      cause: error,
    });
  }
  if (code === '57014') {
    return new Failure({
      error_class: 'DEPENDENCY_TIMEOUT',
      code: 'postgres_statement_timeout',
      retryable: true,
      message: text,
      cause: error,
    });
  }
  if (UNAVAILABLE_CLASSES.has(code.slice(0, 2))) return unavailable(`postgres_${code.toLowerCase()}`, text, error);
  // 28xxx: credentials are rotated from outside and re-read (SEC-5), so waiting mends it.
  if (code.startsWith('28')) {
    return new Failure({
      error_class: 'AUTHENTICATION_FAILED',
      code: 'postgres_authentication',
      retryable: true,
      message: text,
      cause: error,
    });
  }
  return new Failure({
    error_class: 'PROGRAMMING_ERROR',
    code: `postgres_${code.toLowerCase()}`,
    retryable: false,
    message: text,
    cause: error,
  });
}

function unavailable(code: string, message: string, cause: unknown): Failure {
  return new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code, retryable: true, message, cause });
}

/** Whether a transaction that failed so may simply be run again from its start. */
export function isSerializationConflict(failure: Failure): boolean {
  return failure.code === 'postgres_40001' || failure.code === 'postgres_40p01';
}
