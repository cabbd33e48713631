import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fixedSecret, Secret } from '@assay/security';
import type { SecretSource } from '@assay/security';
import { eventually, testDatabase } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { Client } from 'pg';
import { Database } from './database.js';
import { sessionSettings } from './session-settings.js';

const LIMITS = { schema: 'ingest', statement_timeout_ms: 5_000 };
const SETTINGS = sessionSettings(LIMITS);

let own: TestDatabase;
const opened: Database[] = [];

beforeAll(async () => (own = await testDatabase('ingest', { empty: true })));
afterAll(async () => {
  for (const each of opened) await each.close();
  await own.close();
});

function database(url: string | SecretSource, pool_size = 4): Database {
  const source = typeof url === 'string' ? fixedSecret(url) : url;
  const made = new Database({ ...LIMITS, url: source, pool_size, application_name: 'session-spec' });
  opened.push(made);
  return made;
}

const ASK = `SELECT name, setting FROM pg_settings WHERE name = ANY(string_to_array('${Object.keys(SETTINGS).join(' ')}', ' '))`;
const asSettings = (rows: { name: string; setting: string }[]) =>
  Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));

/** Settings of a session that asks for nothing when it begins, as one of psql. */
async function bare(url: string): Promise<Record<string, string>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return asSettings((await client.query<{ name: string; setting: string }>(ASK)).rows);
  } finally {
    await client.end();
  }
}

describe('a session', () => {
  it('OPS-6.b is asked for without a start-up parameter but names and encoding', async () => {
    let packet = Buffer.alloc(0);
    const server = createServer((socket) => socket.on('data', (data) => ((packet = data), socket.destroy())));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await expect(database(`postgres://app:p@127.0.0.1:${port}/assay`).open()).rejects.toMatchObject({
      ...{ code: 'postgres_unreachable', retryable: true },
    });
    await new Promise((resolve) => server.close(resolve));
    // Length and version, then pairs of names and values, each ended by NUL.
    const words = packet.subarray(8).toString('utf8').split('\0');
    const names = words.filter((_word, place) => place % 2 === 0 && words[place] !== '');
    expect(names.sort()).toEqual(['application_name', 'client_encoding', 'database', 'user']);
  });

  it('OPS-6.b has what it needs from its role, once migrate has set that in this database', async () => {
    expect(await bare(own.url)).not.toEqual(SETTINGS);
    const migrating = await database(own.url).open();
    await migrating.setSessionOnRole();
    expect(await bare(own.url)).toEqual(SETTINGS);
    await migrating.setSessionOnRole();
    expect(await bare(own.url)).toEqual(SETTINGS);
    // Of no other role, and in no other database.
    expect(await bare(own.roleUrl('validator'))).not.toMatchObject({ statement_timeout: '5000' });
  });

  it('OPS-6.b is given at its start what its role lacks', async () => {
    await own.sql(`ALTER ROLE assay_ingest IN DATABASE ${own.name} RESET ALL`);
    await own.sql(`ALTER ROLE assay_ingest IN DATABASE ${own.name} SET enable_seqscan = on`);
    const service = await database(own.url).open();
    const sessions = await Promise.all(
      [1, 2, 3].map(() =>
        service.query<{ name: string; setting: string }>(`${ASK} AND (SELECT pg_sleep(0.05)) IS NOT NULL`),
      ),
    );
    expect(sessions.map(asSettings)).toEqual([SETTINGS, SETTINGS, SETTINGS]);
  });
});

describe('a URL that changes', () => {
  const roles = ['one', 'two'].map((name) => `rotating_${name}_${randomBytes(4).toString('hex')}`);
  beforeAll(async () => {
    for (const role of roles) await own.sql(`CREATE ROLE ${role} LOGIN PASSWORD '${role}' IN ROLE assay_ingest`);
    await own.sql(`GRANT CONNECT ON DATABASE ${own.name} TO ${roles.join(', ')}`);
  });
  afterAll(async () => {
    for (const role of roles) await own.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('replaces each connection of the old role in order: none is cut, none is left', async () => {
    let [role, changed] = [roles[0]!, (): void => undefined];
    const service = database({
      current: () => new Secret(Object.assign(new URL(own.url), { username: role, password: role }).href),
      onChange: (listener) => ((changed = listener), () => undefined),
      close: () => undefined,
    });
    await service.open();
    await Promise.all([1, 2, 3, 4].map(() => service.query('SELECT pg_sleep(0.05)')));
    const who = async (): Promise<string[]> => {
      const rows = await own.sql<{ usename: string }>(
        `SELECT usename FROM pg_stat_activity WHERE application_name = 'session-spec' AND usename LIKE 'rotating_%'`,
      );
      return rows.map(({ usename }) => usename);
    };
    expect(await who()).toEqual([roles[0], roles[0], roles[0], roles[0]]);
    const current = () => service.query<{ role: string }>('SELECT session_user AS role');
    await service.transaction(async (tx) => {
      role = roles[1]!;
      changed();
      // Those that nobody has in hand go at once, the one in hand when it has done its work.
      await eventually(async () => expect((await who()).filter((each) => each === roles[0])).toHaveLength(1));
      expect(await tx.query('SELECT session_user AS role')).toEqual([{ role: roles[0] }]);
    });
    await eventually(async () => expect(await who()).not.toContain(roles[0]));
    expect(await current()).toEqual([{ role: roles[1] }]);
    await service.close();
  });

  it('fails no transaction while the role is changed under load, three times', async () => {
    let [role, changed] = [roles[0]!, (): void => undefined];
    const service = await database({
      current: () => new Secret(Object.assign(new URL(own.url), { username: role, password: role }).href),
      onChange: (listener) => ((changed = listener), () => undefined),
      close: () => undefined,
    }).open();
    const failures: unknown[] = [];
    let [working, done] = [true, 0];
    const work = async (): Promise<void> => {
      while (working && failures.length === 0) {
        await service
          .transaction(async (tx) => {
            await tx.query('SELECT pg_sleep(0.002)');
            await tx.execute(`SELECT set_config('assay.x', 'y', true)`);
          })
          .catch((error: unknown) => failures.push(error));
        await service.query('SELECT 1').catch((error: unknown) => failures.push(error));
        done += 1;
      }
    };
    const working_on = Array.from({ length: 8 }, work);
    try {
      for (const next of [roles[1]!, roles[0]!, roles[1]!]) {
        role = next;
        changed();
        const others = `SELECT FROM pg_stat_activity WHERE application_name = 'session-spec' AND usename LIKE 'rotating_%' AND usename <> '${next}'`;
        await eventually(async () => expect(await own.sql(others)).toEqual([]));
        const before = done;
        await eventually(() => expect([failures, done > before + 20]).toEqual([[], true]));
      }
    } finally {
      working = false;
      await Promise.all(working_on);
    }
    expect(failures).toEqual([]);
  });
});
