import { randomBytes } from 'node:crypto';
import { Failure } from '@assay/contracts';
import type pg from 'pg';

/** So often another client of the pooler may be handed the very server that ours has just given back. */
const ROUNDS = 3;
const LIMIT_MS = 5_000;
/** What a pooler by statement answers to BEGIN. */
const REFUSED_BY_POOLER = '08P01';

interface Probe {
  text: string;
  name?: string;
}
const PID: Probe = { text: 'SELECT pg_backend_pid() AS pid' };

/**
 * Rejects with `postgres_pooler_mode`, which names what is missing, where a pooler hands out its servers by transaction
 * or by statement (OPS-6). A server of ours that another session of ours can get is proof of it: between two statements
 * of the first the second holds whatever is free. Ask it only where a pooler lies between; takes two connections.
 */
export async function assertSessionMode(pool: pg.Pool): Promise<void> {
  // Of its own: in a pooler's servers the names of others' statements stand as well.
  const named: Probe = { ...PID, name: `assay_probe_${randomBytes(6).toString('hex')}` };
  const [first, second] = await Promise.all([pool.connect(), pool.connect()]);
  try {
    await ask(first, named);
    for (let round = 0; round < ROUNDS; round += 1) {
      if (await sharesItsServer(first, second)) throw modeRefused(await keeps(first, named));
      await second.query(limited({ text: 'ROLLBACK' }));
    }
  } finally {
    // Nothing that a probe has left on a pooler's servers is worth keeping.
    first.release(true);
    second.release(true);
  }
}

/** Leaves the second in a transaction, so that it holds a server of its own. */
async function sharesItsServer(first: pg.PoolClient, second: pg.PoolClient): Promise<boolean> {
  const before = await ask(first, PID);
  try {
    await second.query(limited({ text: 'BEGIN' }));
  } catch (error) {
    if ((error as { code?: unknown }).code === REFUSED_BY_POOLER) return true;
    throw error;
  }
  return (await ask(second, PID)) === before || (await ask(first, PID)) !== before;
}

/** Whether the pooler prepares a named statement on whichever server it hands out. */
function keeps(client: pg.PoolClient, named: Probe): Promise<boolean> {
  return ask(client, named).then(
    () => true,
    () => false,
  );
}

async function ask(client: pg.PoolClient, probe: Probe): Promise<number> {
  const { rows } = await client.query<{ pid: number }>(limited(probe));
  return rows[0]!.pid;
}

function limited(probe: Probe): pg.QueryConfig {
  const query: pg.QueryConfig & { query_timeout: number } = { ...probe, query_timeout: LIMIT_MS };
  return query;
}

function modeRefused(keeps_named: boolean): Failure {
  const missing = ['session advisory locks', 'settings of a session (SET)'];
  if (!keeps_named) missing.push('named statements');
  return new Failure({
    ...{ error_class: 'PROGRAMMING_ERROR', code: 'postgres_pooler_mode', retryable: false },
    message:
      `the pooler before Postgres hands out its servers by transaction. Missing there: ${missing.join(', ')}. ` +
      'Set pool_mode = session for this database, or name Postgres itself in ASSAY_POSTGRES_URL.',
  });
}
