import type pg from 'pg';
import { classifyPostgresError, timedOut } from './classify.js';
import { ListeningTimer } from './listening-timer.js';
import { hangUp } from './patient-client.js';
import type { Statement } from './statement.js';

/**
 * One statement on a connection; rejects with a classified `Failure`. An answer that does not come within `limit_ms` ends
 * the connection: nothing else tells a server that is slow from one that has gone silent, and whatever is sent behind it
 * would wait for the same answer (GEN-10).
 *
 * @param limit_ms null where a transaction has a limit for all of its statements
 */
export async function run<R extends object>(
  on: pg.PoolClient,
  sql: Statement | string,
  params: readonly unknown[],
  limit_ms: number | null,
): Promise<pg.QueryResult<R>> {
  const query: pg.QueryConfig =
    typeof sql === 'string'
      ? // Without parameters the simple protocol, which alone takes several statements at once.
        { text: sql, values: params.length === 0 ? undefined : (params as unknown[]) }
      : { name: sql.name, text: sql.text, values: params as unknown[] };
  let late = false;
  const limit =
    limit_ms === null
      ? undefined
      : new ListeningTimer(limit_ms, () => {
          late = true;
          hangUp(on);
        });
  try {
    return await on.query<R>(query);
  } catch (error) {
    throw late ? timedOut(limit_ms!, error) : classifyPostgresError(error);
  } finally {
    limit?.end();
  }
}
