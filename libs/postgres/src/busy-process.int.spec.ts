import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { fixedSecret } from '@assay/security';
import { testDatabase } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { Database } from './database.js';
import type { Tx } from './database.js';

const STATEMENT_TIMEOUT_MS = 1_000;
/** Longer than a statement may take, the second that the client adds included. */
const TOO_LONG_MS = 2_500;
/** Longer than a connection may take. */
const LONGER_THAN_A_CONNECTION_MS = 5_500;

let own: TestDatabase;
const opened: Database[] = [];
beforeAll(async () => {
  own = await testDatabase('ingest', { empty: true });
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});
afterAll(() => own.close());

async function open(pool_size: number, statement_timeout_ms = STATEMENT_TIMEOUT_MS): Promise<Database> {
  const database = new Database({
    url: fixedSecret(own.url),
    schema: 'ingest',
    pool_size,
    statement_timeout_ms,
    application_name: 'busy-process-spec',
  });
  opened.push(database);
  return database.open();
}

/** What a process does that is busy, frozen or not given a processor: no timer fires and no socket is read. */
function standStill(for_ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, for_ms);
}

const pidOf = async (tx: Tx) => (await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0]!.pid;

describe('a process that did not run while Postgres answered', () => {
  it('GEN-10.a takes a statement whose answer lies there for answered, and keeps the connection', async () => {
    const database = await open(1);
    const before = await pidOf(database);
    const asked = pidOf(database);
    // The statement leaves with the end of this turn.
    await new Promise((resolve) => setImmediate(resolve));
    standStill(TOO_LONG_MS);
    expect(await asked).toBe(before);
    expect(await pidOf(database)).toBe(before);
  });

  it('GEN-10.a keeps the connection of a transaction whose time was up meanwhile, and commits it', async () => {
    const database = await open(1);
    const before = await pidOf(database);
    const asked = database.transaction(
      async (tx) => {
        const pid = await pidOf(tx);
        standStill(600);
        return [pid, await pidOf(tx)];
      },
      { within_ms: 300 },
    );
    expect(await asked).toEqual([before, before]);
    expect(await pidOf(database)).toBe(before);
  });

  it('GEN-10.a opens a connection, and hands out one that came free, though the time for both was over', async () => {
    // Postgres itself ends a transaction in which nothing is asked for as long as a statement may take.
    const database = await open(2, 2 * LONGER_THAN_A_CONNECTION_MS);
    // The first has the one that is open, the second a new one, and the third waits.
    const asked = Promise.all([1, 2, 3].map(() => database.transaction((tx) => pidOf(tx))));
    await new Promise((resolve) => setImmediate(resolve));
    standStill(LONGER_THAN_A_CONNECTION_MS);
    expect(new Set(await asked).size).toBeLessThanOrEqual(2);
    await database.assertWritable();
  });
});

describe('a process whose connections are all at work', () => {
  it('GEN-10.a gives up the wait for one in time, and holds up nobody who waits behind', async () => {
    const database = await open(1);
    let letGo!: () => void;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const holding = database.transaction(async (tx) => {
      const pid = await pidOf(tx);
      await held;
      return pid;
    });
    const hasty = Array.from({ length: 50 }, () => database.transaction(pidOf, { within_ms: 200 }));
    const patient = pidOf(database);
    for (const each of hasty) await expect(each).rejects.toMatchObject({ code: 'postgres_busy', retryable: true });
    letGo();
    expect(await patient).toBe(await holding);
  });
});
