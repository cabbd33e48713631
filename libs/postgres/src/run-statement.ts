import type pg from 'pg';
import { classifyPostgresError, timedOut } from './classify.js';
import type { Statement } from './statement.js';

/**
 * One statement on a connection, or on any of the pool; rejects with a classified `Failure`. An answer that does not
 * come within `limit_ms` ends the connection: nothing else tells a server that is slow from one that has gone silent,
 * and whatever is sent behind it would wait for the same answer (GEN-10).
 *
 * @param limit_ms null where a transaction has a limit for all of its statements
 */
export async function run<R extends object>(
  on: pg.Pool | pg.PoolClient,
  sql: Statement | string,
  params: readonly unknown[],
  limit_ms: number | null,
): Promise<pg.QueryResult<R>> {
  const query: pg.QueryConfig & { query_timeout?: number } =
    typeof sql === 'string'
      ? // Without parameters the simple protocol, which alone takes several statements at once.
        { text: sql, values: params.length === 0 ? undefined : (params as unknown[]) }
      : { name: sql.name, text: sql.text, values: params as unknown[] };
  if (limit_ms !== null) query.query_timeout = limit_ms;
  const sent_at_ms = performance.now();
  try {
    return await on.query<R>(query);
  } catch (error) {
    const failure = classifyPostgresError(error);
    if (limit_ms === null) throw failure;
    // The driver's own error for this says so in its text alone.
    const late = failure.code === 'postgres_unreachable' && performance.now() - sent_at_ms >= limit_ms - 1;
    throw late ? timedOut(limit_ms, error) : failure;
  }
}
