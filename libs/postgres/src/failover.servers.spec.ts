import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { fixedSecret } from '@assay/security';
import { eventually, PostgresServers } from '@assay/testing';
import type { PostgresServer } from '@assay/testing';
import { Database } from './database.js';

let servers: PostgresServers;
let primary: PostgresServer;
let standby: PostgresServer;
const opened: Database[] = [];

beforeAll(async () => {
  servers = await PostgresServers.open();
  primary = await servers.make('primary');
  await primary.sql(`CREATE ROLE app LOGIN PASSWORD 'p'; CREATE SCHEMA app AUTHORIZATION app`);
  await primary.sql('CREATE TABLE app.kept (id integer PRIMARY KEY); ALTER TABLE app.kept OWNER TO app');
  await primary.sql(
    `CREATE ROLE reading LOGIN PASSWORD 'p'; ALTER ROLE reading SET default_transaction_read_only = on`,
  );
  standby = await servers.standbyOf(primary, 'standby');
}, 60_000);
afterAll(async () => {
  for (const each of opened) await each.close();
  await servers.close();
});

function database(hosts: readonly string[], query = '', role = 'app'): Database {
  const url = `postgres://${role}:p@${hosts.join(',')}/postgres${query}`;
  const made = new Database({
    ...{ url: fixedSecret(url), schema: 'app', pool_size: 4, statement_timeout_ms: 5_000 },
    application_name: 'failover-spec',
  });
  opened.push(made);
  return made;
}
const at = ({ port }: PostgresServer): string => `127.0.0.1:${port}`;

/** Ports of the servers that four statements at once are run by. */
async function portsOf(on: Database): Promise<number[]> {
  const ask = () => on.query<{ port: number }>('SELECT inet_server_port() AS port, pg_sleep(0.05)');
  return [...new Set((await Promise.all([1, 2, 3, 4].map(ask))).map(([row]) => row!.port))];
}

describe('several hosts', () => {
  it.each([
    ['', () => primary],
    ['?target_session_attrs=read-write', () => primary],
    ['?target_session_attrs=primary', () => primary],
    ['?target_session_attrs=any', () => standby],
  ])('OPS-6.d are searched in their order for one that suits: "%s"', async (query, wanted) => {
    const service = await database([at(standby), at(primary)], query).open();
    expect(await portsOf(service)).toEqual([wanted().port]);
  });

  it('OPS-6.d are searched past one that is gone and one that says nothing', async () => {
    const accepted: Socket[] = [];
    const silent = createServer((socket) => void accepted.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const service = await database([`127.0.0.1:1`, `127.0.0.1:${port}`, at(primary)]).open();
    expect(await portsOf(service)).toEqual([primary.port]);
    for (const socket of accepted) socket.destroy();
    silent.close();
  });

  it('OPS-6.d are waited for while none of them takes writes', async () => {
    await expect(database([at(standby), at(standby)]).open()).rejects.toMatchObject({
      ...{ code: 'postgres_25006', retryable: true },
      message: expect.stringMatching(/no server is read-write/) as unknown as string,
    });
  });
});

describe('a single host that must take writes', () => {
  it('OPS-6.d is refused as a standby where the URL asks for a primary', async () => {
    const asking = database([at(standby)], '?target_session_attrs=primary');
    await expect(asking.open()).rejects.toMatchObject({ code: 'postgres_25006', retryable: true });
  });

  it('OPS-6.d may be a primary whose sessions take no writes where the URL asks for a primary, and not where it asks for writes', async () => {
    const primary_alone = database([at(primary)], '?target_session_attrs=primary', 'reading');
    expect(await portsOf(await primary_alone.open())).toEqual([primary.port]);
    const writing = database([at(primary)], '?target_session_attrs=read-write', 'reading');
    await expect(writing.open()).rejects.toMatchObject({ code: 'postgres_25006', retryable: true });
  });
});

describe('a failover', () => {
  it('OPS-6.d leaves a server that takes no writes any more, with every connection, for the one that does', async () => {
    const [old, successor] = [await servers.make('old'), await servers.make('successor')];
    for (const each of [old, successor]) {
      await each.sql(`CREATE ROLE app LOGIN PASSWORD 'p'; CREATE SCHEMA app AUTHORIZATION app`);
      await each.sql('CREATE TABLE app.kept (id integer PRIMARY KEY); ALTER TABLE app.kept OWNER TO app');
    }
    const takesWrites = async (server: PostgresServer, yes: boolean): Promise<void> => {
      await server.sql(`ALTER SYSTEM SET default_transaction_read_only = ${yes ? 'off' : 'on'}`);
      await server.sql('SELECT pg_reload_conf()');
      const [row] = await server.sql<{ now: string }>('SHOW default_transaction_read_only');
      expect(Object.values(row!)).toEqual([yes ? 'off' : 'on']);
    };
    await takesWrites(successor, false);
    const service = await database([at(old), at(successor)]).open();
    expect(await portsOf(service)).toEqual([old.port]);
    // Only what has stood for a second is given up for another's refusal.
    const young = `SELECT FROM pg_stat_activity WHERE application_name = 'failover-spec' AND backend_start > now() - interval '1.2 s'`;
    await eventually(async () => expect(await old.sql(young)).toEqual([]));
    await takesWrites(old, false);
    await eventually(async () => {
      await expect(service.execute('INSERT INTO kept VALUES (1)')).rejects.toMatchObject({ code: 'postgres_25006' });
    });
    // One refusal is enough for all of them: the three that were idle are given up with the one that was refused.
    const on_old = `SELECT FROM pg_stat_activity WHERE application_name = 'failover-spec'`;
    await eventually(async () => expect(await old.sql(on_old)).toEqual([]));
    await takesWrites(successor, true);
    await eventually(() => service.execute('INSERT INTO kept VALUES (1)'));
    await eventually(async () => expect(await portsOf(service)).toEqual([successor.port]));
    expect(await old.sql(on_old)).toEqual([]);
  });

  it('OPS-6.d loses no write that was answered when the primary crashes and the standby is promoted', async () => {
    await primary.sql(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
    await primary.sql('SELECT pg_reload_conf()');
    await eventually(async () =>
      expect(await primary.sql(`SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`)).toHaveLength(1),
    );
    const service = await database([at(primary), at(standby)]).open();
    const answered: number[] = [];
    let [next, failed, writing] = [0, 0, true];
    const write = async (): Promise<void> => {
      while (writing) {
        const id = (next += 1);
        try {
          await service.execute('INSERT INTO kept VALUES ($1)', [id]);
          answered.push(id);
        } catch (error) {
          expect(error).toMatchObject({ retryable: true });
          failed += 1;
        }
      }
    };
    const writers = [write(), write(), write()];
    await eventually(() => expect(answered.length).toBeGreaterThan(50));
    await primary.stop('SIGQUIT');
    await eventually(() => expect(failed).toBeGreaterThan(0));
    const before = answered.length;
    await standby.sql('SELECT pg_promote()');
    await eventually(() => expect(answered.length).toBeGreaterThan(before + 50));
    writing = false;
    await Promise.all(writers);
    const kept = await standby.sql<{ id: number }>('SELECT id FROM app.kept');
    const known = new Set(kept.map(({ id }) => id));
    expect(answered.filter((id) => !known.has(id))).toEqual([]);
  });
});
