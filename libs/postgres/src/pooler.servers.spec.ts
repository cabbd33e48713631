import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fixedSecret } from '@assay/security';
import { PostgresServers, startPgBouncer, testDatabase, testRun } from '@assay/testing';
import type { PgBouncer, TestDatabase } from '@assay/testing';
import { Database } from './database.js';
import { sessionSettings } from './session-settings.js';

const LIMITS = { schema: 'ingest', statement_timeout_ms: 5_000 };

let own: TestDatabase;
let servers: PostgresServers;
const opened: Database[] = [];
const poolers: Partial<Record<'session' | 'transaction', PgBouncer>> = {};

beforeAll(async () => {
  [own, servers] = await Promise.all([testDatabase('ingest', { empty: true }), PostgresServers.open()]);
  for (const mode of ['session', 'transaction'] as const) {
    poolers[mode] = await startPgBouncer(servers, { mode, urls: [own.url] });
  }
});
afterAll(async () => {
  for (const each of opened) await each.close();
  await servers.close();
  await own.close();
});

function database(pooler: PgBouncer, pool_size = 4): Database {
  const url = fixedSecret(pooler.url(own.url));
  const made = new Database({ ...LIMITS, url, pool_size, application_name: 'pooler-spec' });
  opened.push(made);
  return made;
}

const SETTINGS = sessionSettings(LIMITS);
const ASK = `SELECT name, setting FROM pg_settings WHERE name IN (${Object.keys(SETTINGS)
  .map((name) => `'${name}'`)
  .join(', ')})`;

async function settingsOf(on: Database): Promise<Record<string, string>> {
  const rows = await on.query<{ name: string; setting: string }>(ASK);
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

describe('PgBouncer in session mode', () => {
  it('OPS-6.b gives a session its settings on a server that began before the role had them, and takes them away', async () => {
    const first = await database(poolers.session!).open();
    expect(await settingsOf(first)).toEqual(SETTINGS);
    await first.close();
    // The next client of the same server gets none of it.
    const stranger = database(poolers.session!, 2);
    await stranger.open();
    expect(await settingsOf(stranger)).toEqual(SETTINGS);
    await stranger.setSessionOnRole();
    await poolers.session!.admin('RECONNECT');
    const after = await database(poolers.session!).open();
    expect(await settingsOf(after)).toEqual(SETTINGS);
  });

  it('runs named statements, transactions and locks of a session beside each other', async () => {
    const service = await database(poolers.session!).open();
    await service.query('CREATE TABLE counted (id integer PRIMARY KEY, n integer)');
    const statement = { name: 'add', text: 'INSERT INTO counted VALUES ($1, 1)' };
    const adding = Array.from({ length: 200 }, (_, id) =>
      service.transaction(async (tx) => {
        await tx.query('SELECT 1');
        await tx.execute(statement, [id]);
      }),
    );
    await Promise.all(adding);
    expect(await service.query('SELECT count(*) AS n FROM counted')).toEqual([{ n: 200 }]);
  });
});

describe('PgBouncer in transaction mode', () => {
  it('OPS-6.c ends the start, and names what is missing', async () => {
    await expect(database(poolers.transaction!).open()).rejects.toMatchObject({
      ...{ code: 'postgres_pooler_mode', retryable: false },
      message: expect.stringMatching(
        /Missing there: session advisory locks, settings of a session \(SET\), named statements\. Set pool_mode = session/,
      ) as unknown as string,
    });
  });

  it('OPS-6.c ends the start beside other clients of the pooler', async () => {
    const starts = await Promise.allSettled(Array.from({ length: 5 }, () => database(poolers.transaction!).open()));
    expect(
      starts.map((start) => start.status === 'rejected' && (start.reason as { retryable: boolean }).retryable),
    ).toEqual(starts.map(() => false));
  });

  it('OPS-6.c ends the command migrate with exit code 1 and the reason, before it changes anything', async () => {
    const command = join(testRun().build, 'bin', 'ingest', 'migrate.js');
    const env = { PATH: process.env['PATH'], ASSAY_POSTGRES_URL: 'env:URL', URL: poolers.transaction!.url(own.url) };
    const { status, stdout } = spawnSync(process.execPath, [command], { env, encoding: 'utf8' });
    expect(stdout).toMatch(/\[postgres_pooler_mode\]/);
    expect(stdout).toMatch(/session advisory locks/);
    expect(status).toBe(1);
    expect(await own.sql(`SELECT to_regclass('ingest.migrations') AS made`)).toEqual([{ made: null }]);
  });
});
