import type pg from 'pg';
import { classifyPostgresError } from './classify.js';
import type { Statement } from './statement.js';

/** One statement on a connection, or on any of the pool; rejects with a classified `Failure`. */
export async function run<R extends object>(
  on: pg.Pool | pg.PoolClient,
  sql: Statement | string,
  params: readonly unknown[],
): Promise<pg.QueryResult<R>> {
  const query =
    typeof sql === 'string'
      ? { text: sql, values: params as unknown[] }
      : { name: sql.name, text: sql.text, values: params as unknown[] };
  try {
    // Without parameters the simple protocol, which alone takes several statements at once.
    return params.length === 0 && typeof sql === 'string' ? await on.query<R>(sql) : await on.query<R>(query);
  } catch (error) {
    throw classifyPostgresError(error);
  }
}
