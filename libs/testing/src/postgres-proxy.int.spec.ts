import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { eventually } from './eventually.js';
import { PostgresProxy } from './postgres-proxy.js';
import { testDatabase } from './test-database.js';
import type { TestDatabase } from './test-database.js';

let own: TestDatabase;
let proxy: PostgresProxy;
let clients: Client[] = [];
beforeEach(async () => {
  own = await testDatabase('ingest', { empty: true });
  proxy = await PostgresProxy.start(own.url);
  await own.sql('CREATE TABLE marks (n integer)');
  await own.sql('GRANT ALL ON marks TO PUBLIC');
});
afterEach(async () => {
  await proxy.close();
  for (const client of clients) await client.end().catch(() => undefined);
  clients = [];
  await own.close();
});

/** One that pipelines sends a query without waiting for the answer to the one before. */
async function client(pipeline = false): Promise<Client> {
  const options = { connectionString: proxy.url(own.url), options: '-c search_path=ingest', pipeline };
  const made = new Client(options);
  made.on('error', () => undefined);
  await made.connect();
  clients.push(made);
  return made;
}

async function commit(on: Client, n: number): Promise<void> {
  await on.query('BEGIN');
  await on.query('INSERT INTO marks VALUES ($1)', [n]);
  await on.query('COMMIT');
}

const marks = async () => (await own.sql<{ n: number }>('SELECT n FROM marks ORDER BY n')).map(({ n }) => n);

describe('PostgresProxy', () => {
  it('cuts the connection once COMMIT has been done and before its answer comes', async () => {
    await commit(await client(), 1);
    proxy.cutAfterCommit({ times: 1 });
    await expect(commit(await client(), 2)).rejects.toThrow();
    expect(await marks()).toEqual([1, 2]);
    expect(proxy).toMatchObject({ cuts: 1, commits: 2 });
    await commit(await client(), 3);
  });

  it('cuts a statement that commits alone, and none that reads', async () => {
    const alone = await client();
    proxy.cutAfterCommit({ times: 1 });
    await alone.query('SELECT 1');
    await expect(alone.query('INSERT INTO marks VALUES (3)')).rejects.toThrow();
    expect(await marks()).toEqual([3]);
  });

  it('cuts the connection before COMMIT arrives: nothing is written', async () => {
    const one = await client();
    proxy.cutBeforeCommit();
    await expect(commit(one, 4)).rejects.toThrow();
    await eventually(async () => expect(await marks()).toEqual([]));
    expect(proxy.cuts).toBe(1);
  });

  it('swallows what standing connections say, while new ones work', async () => {
    const standing = await client();
    proxy.blackHole('standing');
    let answered = false;
    const asked = standing.query('SELECT 1').then(
      () => (answered = true),
      () => undefined,
    );
    await (await client()).query('SELECT 1');
    expect(answered).toBe(false);
    proxy.lift();
    await asked;
    expect(answered).toBe(false);
  });

  it('keeps the order of answers that are under way when the delay ends', async () => {
    const one = await client(true);
    proxy.delay(200);
    const answered: number[] = [];
    const ask = async (n: number) => answered.push((await one.query<{ n: number }>(`SELECT ${n} AS n`)).rows[0]!.n);
    const first = ask(1);
    await eventually(async () => {
      const done = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query = $1`;
      expect(await own.sql(done, ['SELECT 1 AS n'])).toHaveLength(1);
    });
    proxy.lift();
    await Promise.all([first, ask(2)]);
    expect(answered).toEqual([1, 2]);
  });

  it('passes on why the server ends a connection, and refuses and flaps', async () => {
    const one = await client();
    const { rows } = await one.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const asked = one.query('SELECT pg_sleep(60)');
    await own.sql('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
    await expect(asked).rejects.toMatchObject({ code: '57P01' });
    proxy.flap(50);
    await expect(client()).rejects.toThrow();
    await eventually(client);
  });
});
