import { Failure } from '@assay/contracts';
import type { ErrorClass } from '@assay/contracts';

interface DriverError {
  code?: unknown;
  message?: unknown;
  /** The function of the server that raised it; what a pooler answers itself has none. */
  routine?: unknown;
}

/** Conflicts that the next run does not meet, for it waits for, or sees, what was in the way (DLQ-1). */
const CONTENTION = new Set(['40001', '40P01', '55P03']);
/**
 * A second run sees the row that was in the way and goes another way, so a transaction is run again; one that meets it
 * again and again is wrong about its own key, and no waiting mends that (GEN-7).
 */
const KEY_TAKEN = new Set(['23505', '23P01']);
const UNAVAILABLE_CLASSES = new Set(['08', '53', '57', '58']);
/**
 * The server, or the session, is not what it was a moment ago, and another connection will do: a standby or a read-only
 * primary (25006), a session ended within its transaction (25P02 to 25P04), prepared statements that a pooler or a
 * fail-over has lost or kept (26000, 42P05).
 */
const OTHER_SESSION = new Set(['25006', '25P02', '25P03', '25P04', '26000', '42P05']);
const QUERY_CANCELED = '57014';
/** A kept plan's result has changed its type, as after a migration; a new connection plans anew. */
const STALE_PLAN_ROUTINE = 'RevalidateCachedQuery';
/** With the classes that Postgres has: EPIPE, of a connection that has ended, is five letters too. */
const SQLSTATE = /^(?:\d[0-9A-Z]|F0|HV|P0|XX)[0-9A-Z]{3}$/;

type Judgement = [error_class: ErrorClass, retryable: boolean];

const OUTAGE: Judgement = ['DEPENDENCY_UNAVAILABLE', true];

function judge(sqlstate: string, routine: unknown): Judgement {
  if (CONTENTION.has(sqlstate)) return ['CONFLICT', true];
  if (KEY_TAKEN.has(sqlstate)) return ['CONFLICT', false];
  if (sqlstate === QUERY_CANCELED) return ['DEPENDENCY_TIMEOUT', true];
  if (UNAVAILABLE_CLASSES.has(sqlstate.slice(0, 2)) || OTHER_SESSION.has(sqlstate)) return OUTAGE;
  // Credentials are rotated from outside and read again (SEC-5), so waiting mends it.
  if (sqlstate.startsWith('28')) return ['AUTHENTICATION_FAILED', true];
  const poolers = routine === undefined;
  if ((sqlstate === '0A000' || sqlstate === 'XX000') && (poolers || routine === STALE_PLAN_ROUTINE)) return OUTAGE;
  return ['PROGRAMMING_ERROR', false];
}

/**
 * An error of the driver as a failure (DLQ-1, GEN-7). By SQLSTATE and the server's routine, never by its text: what the
 * driver throws without a SQLSTATE is about the connection (refused, ended, or none came free in time).
 */
export function classifyPostgresError(error: unknown): Failure {
  if (error instanceof Failure || error instanceof TypeError || error instanceof RangeError) return Failure.from(error);
  const { code, message, routine } = (error ?? {}) as DriverError;
  const sqlstate = typeof code === 'string' && SQLSTATE.test(code) ? code : undefined;
  const [error_class, retryable]: Judgement = sqlstate ? judge(sqlstate, routine) : OUTAGE;
  return new Failure({
    error_class,
    code: sqlstate ? `postgres_${sqlstate.toLowerCase()}` : 'postgres_unreachable',
    retryable,
    message: typeof message === 'string' ? message : String(error),
    cause: error,
  });
}

/** No answer came within the client's own limit: the connection is given up, and what was asked may have been done. */
export function timedOut(limit_ms: number, cause?: unknown): Failure {
  return new Failure({
    error_class: 'DEPENDENCY_TIMEOUT',
    code: 'postgres_timed_out',
    retryable: true,
    message: `Postgres did not answer within ${Math.round(limit_ms)} ms`,
    cause,
  });
}

/** What the first write would say (25006). */
export function readOnly(): Failure {
  return classifyPostgresError(Object.assign(new Error('the server takes no writes'), { code: '25006' }));
}

/** Not a lock that did not come free: who waits for it again at once waits as long again. */
const REPEATABLE = new Set(['40001', '40P01', ...KEY_TAKEN].map((sqlstate) => `postgres_${sqlstate.toLowerCase()}`));

/** Whether a transaction that failed so was rolled back and may be run again from its start at once. */
export function isConflict(failure: Failure): boolean {
  return REPEATABLE.has(failure.code);
}

/**
 * Whether the connection on which this came is of no further use: an outage is the session's as often as the server's,
 * and only a new connection can tell (GEN-7). Conflicts and a statement that was cancelled leave it as it was.
 */
export function spoilsConnection(failure: Failure): boolean {
  return failure.code === 'postgres_timed_out' || failure.error_class === 'DEPENDENCY_UNAVAILABLE';
}
