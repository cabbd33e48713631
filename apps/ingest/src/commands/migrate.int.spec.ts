import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { testDatabase, testRun } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { ingestFixture } from '../ingest.fixture.js';

let own: TestDatabase;
let database: Database;
beforeAll(async () => {
  own = await testDatabase('ingest', { empty: true });
  const options = { schema: 'ingest', pool_size: 2, statement_timeout_ms: 10_000, application_name: 'spec' };
  database = await new Database({ url: fixedSecret(own.url), ...options }).open();
});
afterAll(async () => {
  await database.close();
  await own.close();
});

/** The command as a Job runs it: a process with Postgres' address, under short limits. */
function migrate(): Promise<{ stdout: string }> {
  const script = join(testRun().build, 'bin', 'ingest', 'migrate.js');
  const env = {
    ...{ PATH: process.env['PATH'], DATABASE_URL: own.url, ASSAY_POSTGRES_URL: 'env:DATABASE_URL' },
    ...{ ASSAY_POSTGRES_STATEMENT_TIMEOUT_MS: '200', ASSAY_POSTGRES_MIGRATION_LOCK_TIMEOUT_MS: '200' },
  };
  return promisify(execFile)(process.execPath, [script], { env });
}

const LOCKED = `SELECT pg_advisory_xact_lock(hashtextextended('assay.migrations.ingest', 0))`;
/** A second after the command has begun to wait. */
const HELD = `DO $$ BEGIN
  LOOP
    PERFORM FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted;
    EXIT WHEN FOUND;
    PERFORM pg_sleep(0.01);
  END LOOP;
  PERFORM pg_sleep(1);
END $$`;

it('OPS-2.d waits for another command for longer than a statement of the service may take', async () => {
  const running = await database.transaction(async (tx) => {
    await tx.query(LOCKED);
    const command = migrate();
    await tx.execute(HELD);
    return [command];
  });
  expect((await running[0]!).stdout).toContain('"event":"migrated"');
  expect(await own.sql('SELECT FROM migrations')).not.toHaveLength(0);
}, 60_000);

it('OPS-2.f makes no table when a service starts: it ends, and says what is missing', async () => {
  const [fixture, empty] = [await ingestFixture(), await testDatabase('ingest', { empty: true })];
  const script = join(testRun().build, 'bin', 'ingest.js');
  const env = { ...fixture.env, PATH: process.env['PATH'], DB_URL: empty.url };
  const started = promisify(execFile)(process.execPath, [script], { env, timeout: 30_000 });
  await expect(started).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining('postgres_42p01') });
  expect(await empty.sql(`SELECT FROM information_schema.tables WHERE table_schema = 'ingest'`)).toEqual([]);
  await fixture.close();
  await empty.close();
}, 60_000);
