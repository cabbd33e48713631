import type pg from 'pg';
import { classifyPostgresError, timedOut } from './classify.js';
import type { Statement } from './statement.js';

/**
 * One statement on a connection, or on any of the pool; rejects with a classified `Failure`. An answer that does not
 * come within `limit_ms` ends the connection: nothing else tells a server that is slow from one that has gone silent,
 * and whatever is sent behind it would wait for the same answer (GEN-10).
 */
export async function run<R extends object>(
  on: pg.Pool | pg.PoolClient,
  sql: Statement | string,
  params: readonly unknown[],
  limit_ms: number,
): Promise<pg.QueryResult<R>> {
  // Without parameters the simple protocol, which alone takes several statements at once.
  const simple = typeof sql === 'string' && params.length === 0;
  const query: pg.QueryConfig & { query_timeout: number } = {
    ...(typeof sql === 'string' ? { text: sql } : { name: sql.name, text: sql.text }),
    ...(!simple && { values: params as unknown[] }),
    query_timeout: limit_ms,
  };
  const sent_at_ms = performance.now();
  try {
    return await on.query<R>(query);
  } catch (error) {
    const failure = classifyPostgresError(error);
    // The driver's own error for this says so in its text alone.
    const late = failure.code === 'postgres_unreachable' && performance.now() - sent_at_ms >= limit_ms - 1;
    throw late ? timedOut(limit_ms, error) : failure;
  }
}
