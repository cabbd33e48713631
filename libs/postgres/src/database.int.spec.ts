import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Failure } from '@assay/contracts';
import { fixedSecret, Secret } from '@assay/security';
import type { SecretSource } from '@assay/security';
import { eventually, testDatabase } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { packBodies } from './bodies.js';
import { Database } from './database.js';
import type { MigrationClass } from './migrations.js';
import { runMigrations, SqlMigration } from './migrations.js';

let own: TestDatabase;
let database: Database;
const opened: Database[] = [];

const LIMITS = { lock_timeout_ms: 5_000 };

async function open(
  options: {
    url?: string | SecretSource;
    migrations?: MigrationClass[];
    pool_size?: number;
    statement_timeout_ms?: number;
  } = {},
) {
  const { url = own.url } = options;
  const connected = await new Database({
    url: typeof url === 'string' ? fixedSecret(url) : url,
    schema: 'ingest',
    pool_size: options.pool_size ?? 5,
    statement_timeout_ms: options.statement_timeout_ms ?? 5_000,
    application_name: 'postgres-spec',
    migrations: options.migrations,
  }).open();
  opened.push(connected);
  return connected;
}

beforeAll(async () => {
  own = await testDatabase('ingest', { empty: true });
  database = await open();
  await database.query('CREATE TABLE counters (id integer PRIMARY KEY, n integer NOT NULL)');
});
afterAll(async () => {
  for (const each of opened) await each.close();
  await own.close();
});

describe('the pool', () => {
  it('keeps its connections, and what is prepared on them, through a quiet hour', async () => {
    const everything_else = [
      'nextTick',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'performance',
      'Date',
    ] as const;
    jest.useFakeTimers({ doNotFake: [...everything_else] });
    try {
      const kept = await open({ pool_size: 3 });
      const burst = async (): Promise<number[]> => {
        const rows = await Promise.all(
          Array.from({ length: 3 }, () =>
            kept.query<{ pid: number }>('SELECT pg_backend_pid() AS pid, pg_sleep(0.05)'),
          ),
        );
        return rows.map(([row]) => row!.pid).sort((a, b) => a - b);
      };
      const before = await burst();
      expect(new Set(before).size).toBe(3);
      jest.advanceTimersByTime(3_600_000);
      expect(await burst()).toEqual(before);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('roles', () => {
  it.each(['validator', 'notifier', 'dead_letter'] as const)(
    'SEC-7.a refuses the schema of %s to the role of ingest, even to look',
    async (schema) => {
      await own.sql(`CREATE TABLE ${schema}.secrets (id integer)`);
      for (const sql of [
        `SELECT * FROM ${schema}.secrets`,
        `INSERT INTO ${schema}.secrets VALUES (1)`,
        `CREATE TABLE ${schema}.mine (id integer)`,
      ]) {
        await expect(database.query(sql)).rejects.toMatchObject({ code: 'postgres_42501', retryable: false });
      }
    },
  );

  it('SEC-7.a refuses new tables in the public schema and new schemas', async () => {
    await expect(database.query('CREATE TABLE public.mine (id integer)')).rejects.toMatchObject({
      code: 'postgres_42501',
    });
    await expect(database.query('CREATE SCHEMA mine')).rejects.toMatchObject({ code: 'postgres_42501' });
  });
});

describe('credentials', () => {
  const role = `rotating_${randomBytes(6).toString('hex')}`;
  afterAll(() => own.sql(`DROP ROLE IF EXISTS ${role}`));

  it('SEC-5.f opens its next connection with the password that holds then', async () => {
    await own.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'first' IN ROLE assay_ingest`);
    let password = 'first';
    const url: SecretSource = {
      current: () => new Secret(Object.assign(new URL(own.url), { username: role, password }).href),
      onChange: () => () => undefined,
      close: () => undefined,
    };
    const rotated = await open({ url, pool_size: 1 });
    const connection = async () => (await rotated.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0]!.pid;
    const first = await connection();
    await own.sql(`ALTER ROLE ${role} PASSWORD 'second'`);
    password = 'second';
    await own.sql('SELECT pg_terminate_backend($1)', [first]);
    await eventually(async () => expect(await connection()).not.toBe(first));
    await rotated.close();
  });

  it('SEC-5.f fails no statement between the change of a password at the server and in its file', async () => {
    await own.sql(`ALTER ROLE ${role} PASSWORD 'third'`);
    let [password, reads] = ['third', 0];
    const url: SecretSource = {
      current: () => {
        reads += 1;
        return new Secret(Object.assign(new URL(own.url), { username: role, password }).href);
      },
      onChange: () => () => undefined,
      close: () => undefined,
    };
    const rotated = await open({ url, pool_size: 2 });
    await rotated.transaction(async (tx) => {
      await tx.query('SELECT 1');
      await own.sql(`ALTER ROLE ${role} PASSWORD 'fourth'`);
      // The other connection is in hand: this one has to sign in.
      const [before, statement] = [reads, rotated.query('SELECT 2 AS two')];
      await eventually(() => expect(reads).toBeGreaterThan(before + 2));
      password = 'fourth';
      expect(await statement).toEqual([{ two: 2 }]);
    });
    await rotated.close();
  });

  it('SEC-5.f fails with a retryable failure where no file brings the right password', async () => {
    await own.sql(`ALTER ROLE ${role} PASSWORD 'fifth'`);
    const url = fixedSecret(Object.assign(new URL(own.url), { username: role, password: 'fifth' }).href);
    const left = await open({ url, pool_size: 2 });
    await left.transaction(async (tx) => {
      await tx.query('SELECT 1');
      await own.sql(`ALTER ROLE ${role} PASSWORD 'sixth'`);
      await expect(left.query('SELECT 2')).rejects.toMatchObject({ code: 'postgres_28p01', retryable: true });
    });
    await left.close();
  });
});

describe('transactions', () => {
  it('GEN-7.a rejects with a classified failure and rolls back', async () => {
    const failed = database.transaction(async (tx) => {
      await tx.execute('INSERT INTO counters VALUES (1, 1)');
      await tx.execute('INSERT INTO counters VALUES (1, 2)');
    });
    await expect(failed).rejects.toBeInstanceOf(Failure);
    await expect(failed).rejects.toMatchObject({ error_class: 'CONFLICT', code: 'postgres_23505' });
    expect(await database.query('SELECT * FROM counters WHERE id = 1')).toEqual([]);
  });

  it('GEN-7.a rejects with the failure of a statement that nobody awaited, and commits nothing', async () => {
    const failed = database.transaction(async (tx) => {
      await tx.execute('INSERT INTO counters VALUES (2, 1)');
      void tx.execute('INSERT INTO counters VALUES (2, 2)');
    });
    await expect(failed).rejects.toMatchObject({ code: 'postgres_23505' });
    expect(await database.query('SELECT * FROM counters WHERE id = 2')).toEqual([]);
  });

  it('GEN-7.a tells of the first failure, not of the statements that it made fail', async () => {
    const failed = database.transaction(async (tx) => {
      void tx.execute('INSERT INTO nowhere VALUES (3, 1)');
      await tx.execute('INSERT INTO counters VALUES (3, 1)');
    });
    await expect(failed).rejects.toMatchObject({ code: 'postgres_42p01' });
  });

  it('GEN-7.a rejects where a failure was caught and the rest would be rolled back unseen', async () => {
    const failed = database.transaction(async (tx) => {
      await tx.execute('INSERT INTO counters VALUES (4, 1)');
      await tx.execute('INSERT INTO nowhere VALUES (4, 1)').catch(() => undefined);
    });
    await expect(failed).rejects.toMatchObject({ code: 'postgres_42p01' });
    expect(await database.query('SELECT * FROM counters WHERE id = 4')).toEqual([]);
  });

  it('runs statements in the order in which they are given, awaited or not, from the first on', async () => {
    const seen = await database.transaction((tx) => {
      void tx.query('SELECT 1');
      void tx.execute('INSERT INTO counters VALUES (5, 1)');
      return tx.query('SELECT n FROM counters WHERE id = 5');
    });
    expect(seen).toEqual([{ n: 1 }]);
    expect(await database.query('SELECT n FROM counters WHERE id = 5')).toEqual([{ n: 1 }]);
  });

  it('DLQ-1.b runs the loser of a deadlock again, and counts once', async () => {
    await database.execute('INSERT INTO counters VALUES (10, 0), (11, 0)');
    let [begun, counted] = [0, 0];
    let bothHold!: () => void;
    const both = new Promise<void>((resolve) => (bothHold = resolve));
    const bump = (first: number, second: number) =>
      database.transaction(async (tx) => {
        tx.afterCommit(() => (counted += 1));
        await tx.execute('UPDATE counters SET n = n + 1 WHERE id = $1', [first]);
        if (++begun === 2) bothHold();
        await both;
        await tx.execute('UPDATE counters SET n = n + 1 WHERE id = $1', [second]);
      });
    await Promise.all([bump(10, 11), bump(11, 10)]);
    expect(begun).toBeGreaterThan(2);
    expect(counted).toBe(2);
    expect(await database.query('SELECT n FROM counters WHERE id IN (10, 11)')).toEqual([{ n: 2 }, { n: 2 }]);
  });

  it('GEN-7.e runs a transaction that meets a taken key four times, and then fails it for good', async () => {
    await database.execute('INSERT INTO counters VALUES (20, 0)');
    let runs = 0;
    const failed = database.transaction(async (tx) => {
      runs += 1;
      await tx.execute('INSERT INTO counters VALUES (20, 1)');
    });
    await expect(failed).rejects.toMatchObject({ error_class: 'CONFLICT', code: 'postgres_23505', retryable: false });
    expect(runs).toBe(4);
  });

  it('GEN-7.e runs a transaction again whose key was taken only then', async () => {
    await database.execute('INSERT INTO counters VALUES (21, 0)');
    let runs = 0;
    await database.transaction(async (tx) => {
      runs += 1;
      await tx.execute('INSERT INTO counters VALUES ($1, 1)', [runs === 1 ? 21 : 22]);
    });
    expect(runs).toBe(2);
  });

  it('GEN-7.a tells a lock that does not come free from a statement that takes too long', async () => {
    await database.execute('INSERT INTO counters VALUES (30, 0)');
    const hasty = await open({ statement_timeout_ms: 500 });
    await database.transaction(async (tx) => {
      await tx.execute('UPDATE counters SET n = 1 WHERE id = 30');
      const waiting = hasty.transaction((other) => other.execute('UPDATE counters SET n = 2 WHERE id = 30'));
      await expect(waiting).rejects.toMatchObject({ error_class: 'CONFLICT', code: 'postgres_55p03', retryable: true });
    });
    await expect(hasty.query('SELECT pg_sleep(5)')).rejects.toMatchObject({ error_class: 'DEPENDENCY_TIMEOUT' });
  });

  it('GEN-7.c loses a connection that Postgres ends, and goes on with another', async () => {
    const cut = database.transaction(async (tx) => {
      const [{ pid }] = (await tx.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
      await own.sql('SELECT pg_terminate_backend($1)', [pid]);
      await tx.query('SELECT 1');
    });
    await expect(cut).rejects.toMatchObject({ error_class: 'DEPENDENCY_UNAVAILABLE', retryable: true });
    await database.query('SELECT 1');
  });
});

describe('a snapshot', () => {
  const READ = 'SELECT n FROM counters WHERE id = 77';

  it('reads what stood at its first statement, whatever is committed meanwhile', async () => {
    await database.execute('INSERT INTO counters VALUES (77, 1)');
    const read = await database.snapshot(async (tx) => {
      const before = await tx.query(READ);
      await database.execute('UPDATE counters SET n = 2 WHERE id = 77');
      return [...before, ...(await tx.query(READ))];
    });
    expect([...read, ...(await database.query(READ))]).toEqual([{ n: 1 }, { n: 1 }, { n: 2 }]);
  });

  it('refuses to write', async () => {
    const writing = database.snapshot((tx) => tx.execute('UPDATE counters SET n = 3 WHERE id = 77'));
    await expect(writing).rejects.toMatchObject({ code: 'postgres_25006' });
  });
});

describe('values', () => {
  it('gives instants as RFC 3339 with milliseconds, and counts as numbers', async () => {
    const [row] = await database.query(
      `SELECT '2026-02-03 04:05:06.7+00'::timestamptz AS at, count(*) AS n FROM counters WHERE id < 0`,
    );
    expect(row).toEqual({ at: '2026-02-03T04:05:06.700Z', n: 0 });
  });

  it('keeps packed bodies byte for byte, NUL and broken UTF-8 included', async () => {
    const bodies = [Buffer.from([0, 1, 2]), Buffer.alloc(0), Buffer.from([0xff, 0xfe, 0x00]), Buffer.from('"\\ü')];
    const { packed, offsets, lengths } = packBodies(bodies);
    const rows = await database.query<{ body: Buffer }>(
      `SELECT substring($1::bytea FROM u.o FOR u.l) AS body
       FROM unnest($2::int[], $3::int[]) WITH ORDINALITY AS u(o, l, place) ORDER BY place`,
      [packed, offsets, lengths],
    );
    expect(rows.map(({ body }) => body)).toEqual(bodies);
  });
});

describe('migrations', () => {
  class First1700000000001 extends SqlMigration {
    readonly name = 'First1700000000001';
    readonly statements = ['CREATE TABLE once (id integer PRIMARY KEY)', 'INSERT INTO once VALUES (1)'];
  }

  it('OPS-2.b applies each migration once, however many commands run at once', async () => {
    const databases = await Promise.all([1, 2, 3, 4].map(() => open({ migrations: [First1700000000001] })));
    const applied = await Promise.all(databases.map((each) => runMigrations(each, 'ingest', LIMITS)));
    expect(applied.flat()).toEqual(['First1700000000001']);
    expect(await database.query('SELECT id FROM once')).toEqual([{ id: 1 }]);
  });

  /** Takes three times as long as a statement of the service may. */
  class Long1700000000002 extends SqlMigration {
    readonly name = 'Long1700000000002';
    readonly statements = ['CREATE TABLE long (id integer)', 'SELECT pg_sleep(0.9)', 'INSERT INTO long VALUES (1)'];
  }

  it('OPS-2.d lets a migration, and the wait for the command that runs it, take longer than a statement may', async () => {
    const service = { migrations: [Long1700000000002], statement_timeout_ms: 300 };
    const [first, second] = [await open(service), await open(service)];
    const applied = await Promise.all([first, second].map((each) => runMigrations(each, 'ingest', LIMITS)));
    expect(applied.flat()).toEqual(['Long1700000000002']);
    expect(await database.query('SELECT id FROM long')).toEqual([{ id: 1 }]);
    // What the pool hands out afterwards has the service's limits again.
    const slept = await Promise.allSettled([1, 2, 3, 4, 5].map(() => first.query('SELECT pg_sleep(0.9)')));
    expect(slept.map(({ status }) => status)).toEqual(slept.map(() => 'rejected'));
  });

  class Altering1700000000003 extends SqlMigration {
    readonly name = 'Altering1700000000003';
    readonly statements = ['CREATE TABLE beside (id integer)', 'ALTER TABLE counters ADD COLUMN seen integer'];
  }

  const UNTIL_A_TABLE_IS_WAITED_FOR = `DO $$ BEGIN
    LOOP
      PERFORM FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'relation' AND NOT l.granted;
      EXIT WHEN FOUND;
      PERFORM pg_sleep(0.01);
    END LOOP;
  END $$`;

  it('OPS-2.d gives up a migration that waits for a table, so that the service does not wait behind it', async () => {
    const migrating = await open({ migrations: [Altering1700000000003] });
    const columns = `SELECT FROM information_schema.columns WHERE table_name = 'counters' AND column_name = 'seen'`;
    await database.transaction(async (tx) => {
      await tx.query('SELECT FROM counters');
      const running = runMigrations(migrating, 'ingest', { lock_timeout_ms: 400 });
      const refused = expect(running).rejects.toMatchObject({
        ...{ code: 'migration_lock_timeout', retryable: true },
        message: expect.stringMatching(
          /^Altering1700000000003 has waited for the lock .* run the command again/,
        ) as unknown as string,
      });
      // In the server, which sees it however late this process gets a processor.
      await tx.execute(UNTIL_A_TABLE_IS_WAITED_FOR);
      // Stands behind the migration in the line for the table, and goes on when that gives up.
      await database.query('SELECT FROM counters');
      await refused;
    });
    expect(await database.query(`SELECT to_regclass('beside') AS table`)).toEqual([{ table: null }]);
    expect(await database.query(columns)).toEqual([]);
    expect(await runMigrations(migrating, 'ingest', LIMITS)).toEqual(['Altering1700000000003']);
    expect(await database.query(columns)).toHaveLength(1);
  });

  it('OPS-2.e refuses to go back', async () => {
    await expect(new First1700000000001().down()).rejects.toThrow('forward-only');
  });
});
