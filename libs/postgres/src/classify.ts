import { Failure } from '@assay/contracts';
import type { ErrorClass } from '@assay/contracts';

interface DriverError {
  code?: unknown;
  message?: unknown;
}

/** SQLSTATE classes and codes after which the same statement may well succeed (DLQ-1). */
const CONFLICTS = new Set(['40001', '40P01', '55P03', '23505', '23P01']);
const UNAVAILABLE_CLASSES = new Set(['08', '53', '57', '58']);
const STATEMENT_TIMEOUT = '57014';
/** With the classes that Postgres has: EPIPE, of a connection that has ended, is five letters too. */
const SQLSTATE = /^(?:\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;

type Judgement = [error_class: ErrorClass, retryable: boolean];

function judge(sqlstate: string): Judgement {
  if (CONFLICTS.has(sqlstate)) return ['CONFLICT', true];
  if (sqlstate === STATEMENT_TIMEOUT) return ['DEPENDENCY_TIMEOUT', true];
  if (UNAVAILABLE_CLASSES.has(sqlstate.slice(0, 2))) return ['DEPENDENCY_UNAVAILABLE', true];
  // Credentials are rotated from outside and read again (SEC-5), so waiting mends it.
  if (sqlstate.startsWith('28')) return ['AUTHENTICATION_FAILED', true];
  return ['PROGRAMMING_ERROR', false];
}

/**
 * An error of the driver as a failure (DLQ-1, GEN-7). By SQLSTATE, never by its text: what the driver throws without
 * one is about the connection (refused, ended, or none came free in time).
 */
export function classifyPostgresError(error: unknown): Failure {
  if (error instanceof Failure || error instanceof TypeError || error instanceof RangeError) return Failure.from(error);
  const { code, message } = (error ?? {}) as DriverError;
  const sqlstate = typeof code === 'string' && SQLSTATE.test(code) ? code : undefined;
  const [error_class, retryable]: Judgement = sqlstate ? judge(sqlstate) : ['DEPENDENCY_UNAVAILABLE', true];
  return new Failure({
    error_class,
    code: sqlstate ? `postgres_${sqlstate.toLowerCase()}` : 'postgres_unreachable',
    retryable,
    message: typeof message === 'string' ? message : String(error),
    cause: error,
  });
}

/** Whether a transaction that failed so may simply be run again from its start. */
export function isSerializationConflict(failure: Failure): boolean {
  return failure.code === 'postgres_40001' || failure.code === 'postgres_40p01';
}
