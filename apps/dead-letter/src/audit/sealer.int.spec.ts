import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeEntry, newNoteKeys, openNote, readVerifierKey, TIME_MARK } from '@assay/audit-log';
import { addLogSink } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import type { Principal, SecretSource } from '@assay/security';
import { Liveness } from '@assay/service';
import { WorkQueue } from '@assay/work-queue';
import { eventually, testDatabase } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import pg from 'pg';
import { v7 } from 'uuid';
import { AuditTrail } from './audit-trail.js';
import { checkpointsOf, logOf, ORIGIN, SIGNER_KEY, verdictOn } from './audit.fixture.js';
import { EntriesRepository } from './entries.repository.js';
import { SealerRepository } from './sealer.repository.js';
import { SealerService } from './sealer.service.js';

const LEASE_MS = 1_000;
const OPERATOR: Principal = { key_id: 'dana', role: 'operator', sources: '*', source: '*' };

let database: TestDatabase;
let opened: Database[] = [];
beforeEach(async () => void (database = await testDatabase('dead_letter')));
afterEach(async () => {
  await Promise.all(opened.map((each) => each.close()));
  opened = [];
  await database.close();
});

async function open(pool_size = 4): Promise<Database> {
  const options = { url: fixedSecret(database.url), schema: 'dead_letter', statement_timeout_ms: 10_000 };
  const connection = await new Database({ ...options, pool_size, application_name: 'audit' }).open();
  opened.push(connection);
  return connection;
}

/** A replica's sealer; what it publishes waits in the table, for nothing of the queue is started. */
async function aSealer(owner: string, keys: SecretSource = fixedSecret(SIGNER_KEY)): Promise<SealerService> {
  const connection = await open();
  const queue = new WorkQueue(
    connection,
    { available: false, publish: () => Promise.resolve([]) },
    {
      ...{ owner, lease_ms: LEASE_MS, sweep_interval_ms: 1_000, priority_ageing_s: 30, work_max_bytes: 1e6 },
      ...{ publish_max_bytes: 1e6, publish_batch: 10, poll_first_ms: 10, poll_max_ms: 10 },
    },
  );
  const entries = new EntriesRepository(connection);
  const settings = { audit_signing_keys: keys, audit_seal_interval_ms: 20 };
  return new SealerService(connection, new SealerRepository(entries), entries, queue, new Liveness(), settings);
}

const act = (number: number) => ({
  ...{ action: 'dead_letter.discarded' as const, principal: OPERATOR, subject_type: 'dead_letter' },
  ...{ subject_id: `letter-${number}`, source: 'acme', reason: 'over' },
});

async function write(connection: Database, from: number, count: number): Promise<void> {
  const trail = new AuditTrail(new EntriesRepository(connection));
  for (let at = 0; at < count; at += 1) {
    await connection.transaction((tx: Tx) => trail.record(tx, act(from + at)));
  }
}

const subjects = async () =>
  (await logOf(database)).map(({ subject_id }) => subject_id).filter((subject) => subject.startsWith('letter-'));
const waiting = () => database.sql('SELECT 1 FROM audit_unsealed');
const sound = async () => expect((await verdictOn(database)).faults).toEqual([]);

describe('the sealer', () => {
  it('DLQ-11.b numbers entries from 0 on, each once, in batches, and goes on from what is stored', async () => {
    await database.sql(
      `WITH made AS (INSERT INTO audit_entries SELECT gen_random_uuid(), $1 FROM generate_series(1, 2500) RETURNING id)
       INSERT INTO audit_unsealed (entry_id) SELECT id FROM made`,
      [encodeEntry({ ...anEntry(), id: v7() })],
    );
    expect(await (await aSealer('a')).sealAll()).toBe(2_500);
    await write(await open(), 0, 3);
    await database.sql('UPDATE audit_sealer SET lease_expires_at = clock_timestamp()');
    expect(await (await aSealer('b')).sealAll()).toBe(3);
    const rows = await database.sql<{ position: string }>('SELECT position FROM audit_log ORDER BY position');
    expect(rows.map(({ position }) => Number(position))).toEqual(rows.map((_, at) => at));
    expect(await subjects()).toEqual(['letter-0', 'letter-1', 'letter-2']);
    await sound();
  });

  it('DLQ-11.b takes turns by a lease: another seals only once it has ended', async () => {
    const [first, second] = [await aSealer('a'), await aSealer('b')];
    const writer = await open();
    await write(writer, 0, 1);
    expect(await first.sealAll()).toBe(1);
    await write(writer, 1, 1);
    expect(await second.sealAll()).toBe(0);
    expect(await first.sealAll()).toBe(1);
    await write(writer, 2, 1);
    await eventually(async () => expect(await second.sealAll()).toBe(1));
    expect(await first.sealAll()).toBe(0);
    await sound();
  });

  it('DLQ-11.b, GEN-3.a stores nothing under a lease that has passed to another', async () => {
    const repository = new SealerRepository(new EntriesRepository(await open()));
    const connection = await open();
    await write(connection, 0, 1);
    const round = connection.transaction(async (tx) => {
      const held = (await repository.hold(tx, { owner: 'a', lease_token: v7() }, v7(), LEASE_MS))!;
      await repository.append(tx, held.tree, await repository.unsealed(tx, 10));
      await repository.store(tx, { ...held, lease_token: v7() }, null);
    });
    await expect(round).rejects.toMatchObject({ code: 'sealer_lease_lost' });
    expect(await waiting()).toHaveLength(1);
    expect(await logOf(database)).toEqual([]);
  });

  it('DLQ-11.h signs with both keys while they are rotated, and with what the file says from then on', async () => {
    const next = newNoteKeys(ORIGIN);
    let keys = SIGNER_KEY;
    const source: SecretSource = {
      current: () => fixedSecret(keys).current(),
      onChange: () => () => undefined,
      close: () => undefined,
    };
    const [sealer, writer] = [await aSealer('a', source), await open()];
    for (const [at, told] of [SIGNER_KEY, `${SIGNER_KEY}\n${next.signer_key}`, next.signer_key].entries()) {
      keys = told;
      await write(writer, at, 1);
      await sealer.sealAll();
    }
    const verifier = readVerifierKey(next.verifier_key);
    const lines = (await checkpointsOf(database)).map((note) => note.toString('utf8').match(/^\u2014 /gm)!.length);
    expect(lines).toEqual([1, 2, 1]);
    const [, both, after] = await checkpointsOf(database);
    expect(openNote(both!, [verifier]).text.split('\n')[1]).toBe('4');
    expect(openNote(after!, [verifier]).text.split('\n')[1]).toBe('6');
  });

  it('signs hourly while nothing happens, and no more often', async () => {
    const sealer = await aSealer('a');
    const signedAgo = (minutes: number) =>
      database.sql(`UPDATE audit_sealer SET signed_at = clock_timestamp() - $1 * interval '1 minute'`, [minutes]);
    const signed = async () => {
      await sealer.sealAll();
      return (await checkpointsOf(database)).length;
    };
    expect(await signed()).toBe(1);
    expect(await signed()).toBe(1);
    await signedAgo(59);
    expect(await signed()).toBe(1);
    await signedAgo(60);
    expect(await signed()).toBe(2);
    expect((await logOf(database)).map(({ action }) => action)).toEqual([TIME_MARK, TIME_MARK]);
    await sound();
  });

  it('DLQ-11.y raises no false alarm with 50 writers and two sealers racing', async () => {
    const sealers = [await aSealer('a'), await aSealer('b')];
    let writing = true;
    // A lease that ends at once: both have it in turn.
    const racing = sealers.map(async (sealer) => {
      while (writing) {
        await sealer.sealAll();
        await database.sql('UPDATE audit_sealer SET lease_expires_at = clock_timestamp()');
      }
    });
    const connection = await open(20);
    await Promise.all(Array.from({ length: 50 }, (_, writer) => write(connection, writer * 10, 10)));
    writing = false;
    await Promise.all(racing);
    await sealers[0]!.sealAll();
    expect(await waiting()).toEqual([]);
    const named = await subjects();
    expect(named).toHaveLength(500);
    expect(new Set(named).size).toBe(500);
    expect((await checkpointsOf(database)).length).toBeGreaterThan(2);
    await sound();
  });

  it.each([
    ['it takes the lease', 'audit_sealer'],
    ['it reads what waits', 'audit_unsealed'],
    ['it numbers', 'audit_log'],
    ['it marks the time', 'audit_entries'],
    ['it signs', 'audit_checkpoints'],
    ['it tells', 'work_items'],
  ])('DLQ-11.y raises no false alarm when the sealer is killed as %s', async (_when, table) => {
    const [writer, first, second] = [await open(), await aSealer('a'), await aSealer('b')];
    await write(writer, 0, 5);
    await first.sealAll();
    await write(writer, 5, 5);
    const blocker = new pg.Client(database.url);
    await blocker.connect();
    await blocker.query(`BEGIN; LOCK TABLE dead_letter.${table} IN ACCESS EXCLUSIVE MODE`);
    const killed = first.sealAll().then(
      () => 'sealed',
      () => 'killed',
    );
    await eventually(async () => {
      const [stuck] = await database.sql<{ pid: number }>(
        `SELECT pid FROM pg_locks WHERE relation = $1::regclass AND NOT granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
        [table],
      );
      expect(stuck).toBeDefined();
      await database.sql('SELECT pg_terminate_backend($1)', [stuck!.pid]);
    });
    expect(await killed).toBe('killed');
    await blocker.query('ROLLBACK');
    await blocker.end();
    await database.sql('UPDATE audit_sealer SET lease_expires_at = clock_timestamp()');
    await second.sealAll();
    expect((await subjects()).sort()).toEqual(Array.from({ length: 10 }, (_, at) => `letter-${at}`));
    await sound();
  });

  it('seals nothing without a key, says so, and lets entries wait', async () => {
    const lines: LogLine[] = [];
    const end = addLogSink((line) => void lines.push(line));
    const sealer = await aSealer('a', null as never);
    sealer.onApplicationBootstrap();
    end();
    expect(lines).toContainEqual(expect.objectContaining({ event: 'audit_not_sealed', reason: 'no_signing_key' }));
    await write(await open(), 0, 1);
    expect(await sealer.sealAll()).toBe(0);
    expect(await waiting()).toHaveLength(1);
  });
});

function anEntry() {
  return {
    ...{
      occurred_at: new Date().toISOString(),
      service: 'notifier',
      action: 'x',
      outcome: 'done' as const,
      actor: null,
    },
    ...{ role: null, origin: null, subject_type: 'x', subject_id: 'x', source: null, reason: null },
    ...{ correlation_id: 'c', details: {} },
  };
}
