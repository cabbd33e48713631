import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  newNoteKeys,
  openCheckpoint,
  openNote,
  readSignerKey,
  readVerifierKey,
  signNote,
  TIME_MARK,
} from '@assay/audit-log';
import type { AuditEntry } from '@assay/audit-log';
import type { AuditCheckpointed, ProblemDetails } from '@assay/contracts';
import { addLogSink } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { defineSettings, readSettings } from '@assay/service';
import { eventually, testRun } from '@assay/testing';
import type { Collector } from '@assay/testing';
import type { Page } from '../paging.js';
import { replayStage } from '../replay/replay.fixture.js';
import type { ReplayStage } from '../replay/replay.fixture.js';
import type { AuditView, StoredAuditEntries } from './audit-view.service.js';
import { checkpointsOf, logOf, ORIGIN, SEALING, verdictOn, VERIFIER, VERIFIER_KEY } from './audit.fixture.js';
import { AUDIT_SETTINGS } from './audit.settings.js';

let stage: ReplayStage;
let published: Collector;
beforeAll(async () => {
  stage = await replayStage(undefined, SEALING);
  published = await stage.kafka.consume('audit.checkpointed');
});
afterAll(() => stage.close());

/** All that the log says, once nothing waits to be sealed. */
const sealedLog = (): Promise<AuditEntry[]> =>
  eventually(async () => {
    expect(await stage.database.sql('SELECT 1 FROM audit_unsealed')).toEqual([]);
    return logOf(stage.database);
  });
const about = async (subject_id: string) => (await sealedLog()).filter((entry) => entry.subject_id === subject_id);
const actionsOn = async (subject_id: string) => (await about(subject_id)).map(({ action }) => action);

/** The superuser's, whom triggers do not stop: one who tampers has no scruples. */
const tamper = (sql: string) => stage.database.sql(`SET session_replication_role = replica; ${sql}`);

describe("operators' acts", () => {
  it('DLQ-11.s on a dead letter stand in the log, with who, when, what, why, from where and under which role', async () => {
    const { letter } = await stage.fail({}, { evidence: false });
    const path = `/v1/dead-letters/${letter.id}`;
    const headers = { 'x-correlation-id': 'audit-1' };
    await stage.call('operator', `${path}/triage`, { assignee: 'dana', note: 'mine' }, headers);
    await stage.call('operator', `${path}/evidence`, { type: 'note', text: 'the mailbox is back' });
    await stage.call('operator', `${path}/discard`, { reason: 'nobody misses it' });
    expect(await actionsOn(letter.id)).toEqual(['dead_letter.triaged', 'evidence.attached', 'dead_letter.discarded']);
    const [triaged, , discarded] = await about(letter.id);
    expect(triaged).toMatchObject({
      ...{ service: 'dead-letter', outcome: 'done', actor: 'key:operator', role: 'operator', origin: '127.0.0.1' },
      ...{ subject_type: 'dead_letter', source: 'acme', reason: 'mine', correlation_id: 'audit-1' },
      details: { assignee: 'dana' },
    });
    expect(triaged!.occurred_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(discarded).toMatchObject({ reason: 'nobody misses it' });
  });

  it('DLQ-11.s on plans, replays, incidents and deliveries stand in the log', async () => {
    const of = await stage.fail();
    const plan = await stage.plan([of], { reason: 'the mailbox is back' });
    await stage.act(plan, 'execute');
    const [request] = await stage.requests(of);
    await stage.accept(request!);
    await stage.act(plan, 'pause');
    await stage.act(plan, 'resume');
    await stage.call('operator', `/v1/dead-letters/${of.letter.id}/end-replay`, { reason: 'no word of it' });
    const other = await stage.plan([await stage.fail()]);
    await stage.act(other, 'cancel');
    expect(await actionsOn(plan.id)).toEqual([
      'replay_plan.frozen',
      'replay_plan.executed',
      'replay_plan.paused',
      'replay_plan.resumed',
    ]);
    expect(await actionsOn(other.id)).toEqual(['replay_plan.frozen', 'replay_plan.cancelled']);
    expect((await about(of.letter.id)).at(-1)).toMatchObject({ action: 'replay.ended', reason: 'no word of it' });
    const fingerprint = of.failure.fingerprint;
    await stage.call('operator', `/v1/incidents/${fingerprint}/evidence`, { type: 'note', text: 'mended' });
    expect((await about(fingerprint)).map(({ subject_type }) => subject_type)).toEqual(['incident']);
    const delivery_id = of.failure.subject_id;
    for (const action of ['send_now', 'send_again']) {
      await stage.call('operator', '/v1/actions', { action, delivery_id, reason: 'she waits for it' });
    }
    expect(await actionsOn(delivery_id)).toEqual(['delivery.send_now', 'delivery.send_again']);
  });

  it('DLQ-11.s leave no entry where they were refused, and one where they were asked for twice', async () => {
    const { letter } = await stage.fail({}, { evidence: false });
    const path = `/v1/dead-letters/${letter.id}`;
    const evidence = { type: 'note', text: 'once' };
    for (let times = 0; times < 2; times += 1) {
      await stage.call('operator', `${path}/evidence`, evidence, { 'idempotency-key': letter.id });
    }
    await stage.call('other_operator', `${path}/discard`, { reason: 'not mine' });
    await stage.call('operator', `${path}/discard`, { reason: 'over' });
    expect((await stage.call('operator', `${path}/discard`, { reason: 'again' })).status).toBe(409);
    expect(await actionsOn(letter.id)).toEqual(['evidence.attached', 'dead_letter.discarded']);
  });

  it('DLQ-11.s are not done where their entry cannot be written', async () => {
    const { letter } = await stage.fail({}, { evidence: false });
    await stage.database.sql('ALTER TABLE audit_entries RENAME TO audit_entries_away');
    const { status } = await stage.call('operator', `/v1/dead-letters/${letter.id}/triage`, {});
    await stage.database.sql('ALTER TABLE audit_entries_away RENAME TO audit_entries');
    expect(status).toBeGreaterThanOrEqual(500);
    expect((await stage.call<{ state: string }>('operator', `/v1/dead-letters/${letter.id}`)).body.state).toBe('open');
    expect(await actionsOn(letter.id)).toEqual([]);
  });
});

describe('the stored log', () => {
  const as_service = (sql: string) => stage.database.sql(`SET ROLE assay_dead_letter; ${sql}`);

  it.each(['audit_entries', 'audit_log', 'audit_checkpoints'])(
    'DLQ-11.a is append-only: %s refuses the rest',
    async (table) => {
      await sealedLog();
      const [column] = { audit_entries: ['id'], audit_log: ['position'], audit_checkpoints: ['size'] }[table]!;
      for (const act of [
        `UPDATE ${table} SET ${column} = ${column}`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table} CASCADE`,
      ]) {
        await expect(as_service(act)).rejects.toMatchObject({ code: '42501' });
      }
    },
  );

  const WHERE_5 = 'WHERE id = (SELECT entry_id FROM audit_log WHERE position = 5)';
  const exchange = (a: number, b: number) =>
    `CREATE TEMP TABLE moved AS SELECT ${a + b} - position AS position, entry_id, leaf_hash FROM audit_log
      WHERE position IN (${a}, ${b}); DELETE FROM audit_log WHERE position IN (${a}, ${b});
      INSERT INTO audit_log SELECT * FROM moved`;

  it.each([
    [
      'a byte of an entry',
      `UPDATE audit_entries SET entry = overlay(entry PLACING '\\x41' FROM 12 FOR 1) ${WHERE_5}`,
      5,
    ],
    ['a stored hash', 'UPDATE audit_log SET leaf_hash = sha256(leaf_hash) WHERE position = 5', 5],
    ['two positions', exchange(5, 8), 5],
    ['a row that is gone', 'DELETE FROM audit_log WHERE position = 5', 5],
    ['all rows from one on that are gone', 'DELETE FROM audit_log WHERE position >= 5', 5],
  ])(
    'DLQ-11.i, DLQ-11.j and DLQ-11.k is caught in a change of %s, and raises no alarm before',
    async (_what, change, last) => {
      expect((await sealedLog()).length).toBeGreaterThan(10);
      expect(await verdictOn(stage.database)).toMatchObject({ faults: [], first_bad_index: null });
      await tamper('CREATE TABLE kept_entries AS TABLE audit_entries; CREATE TABLE kept_log AS TABLE audit_log');
      await tamper(change);
      const { first_bad_index } = await verdictOn(stage.database);
      await tamper(`DELETE FROM audit_log; INSERT INTO audit_log TABLE kept_log; DELETE FROM audit_entries;
      INSERT INTO audit_entries TABLE kept_entries; DROP TABLE kept_entries, kept_log`);
      expect(first_bad_index).not.toBeNull();
      // Where the hash changed with its entry, the last checkpoint before it is what is known.
      expect(first_bad_index).toBeLessThanOrEqual(last);
      expect(first_bad_index).toBeGreaterThanOrEqual(last - 3);
      expect((await verdictOn(stage.database)).faults).toEqual([]);
    },
  );
});

describe('checkpoints', () => {
  it('DLQ-11.u are signed while the log grows, count a mark of the time, and go to a topic and to the log', async () => {
    const lines: LogLine[] = [];
    const end = addLogSink((line) => void (line.event === 'checkpoint_signed' && lines.push(line)));
    const { letter } = await stage.fail({}, { evidence: false });
    await stage.call('operator', `/v1/dead-letters/${letter.id}/triage`, {});
    expect(await actionsOn(letter.id)).toEqual(['dead_letter.triaged']);
    const log = await logOf(stage.database);
    expect(log.at(-1)).toMatchObject({ action: TIME_MARK, actor: 'dead-letter' });
    const last = (await checkpointsOf(stage.database)).at(-1)!;
    const head = openCheckpoint(last, [VERIFIER], ORIGIN);
    expect(head.size).toBe(log.length);
    await eventually(() => {
      const told = published.records.map((record) => record.json<AuditCheckpointed>());
      expect(told).toContainEqual(
        expect.objectContaining({ size: head.size, checkpoint: last.toString('utf8'), origin: ORIGIN }),
      );
      expect(lines).toContainEqual(expect.objectContaining({ size: head.size, root: head.root.toString('hex') }));
    });
    end();
  });

  it('DLQ-11.u are signed at the latest every 10 s', () => {
    const env = { ...SEALING, ASSAY_AUDIT_SEAL_INTERVAL_MS: '10001' };
    expect(() => readSettings(defineSettings(AUDIT_SETTINGS), env)).toThrow('ASSAY_AUDIT_SEAL_INTERVAL_MS');
  });
});

describe('GET /v1/audit', () => {
  it('DLQ-11.v shows the log to an auditor of every source, newest first, and to nobody else', async () => {
    const { letter } = await stage.fail({}, { evidence: false });
    await stage.call('operator', `/v1/dead-letters/${letter.id}/discard`, { reason: 'over' });
    await sealedLog();
    const { status, body } = await stage.call<Page<AuditView>>('every_auditor', '/v1/audit?limit=2');
    expect(status).toBe(200);
    const [mark, discarded] = body.items;
    expect(mark!.entry).toMatchObject({ action: TIME_MARK });
    expect(discarded).toMatchObject({ index: mark!.index - 1, entry: { subject_id: letter.id, reason: 'over' } });
    const next = await stage.call<Page<AuditView>>('every_auditor', `/v1/audit?limit=2&cursor=${body.next_cursor}`);
    expect(next.body.items.map(({ index }) => index)).toEqual([discarded!.index - 1, discarded!.index - 2]);
    for (const path of ['/v1/audit', '/v1/audit/entries']) {
      for (const caller of ['every_source', 'operator', 'auditor', 'submitter'] as const) {
        expect((await stage.call<ProblemDetails>(caller, path)).body).toMatchObject({ status: 403, code: 'forbidden' });
      }
      expect((await stage.call(null, path)).status).toBe(401);
    }
  });

  it('DLQ-11.v is an entry itself, and shows nothing where that cannot be written', async () => {
    const views = async () => (await sealedLog()).filter(({ action }) => action === 'audit.viewed');
    const before = (await views()).length;
    await stage.call('every_auditor', '/v1/audit/entries?from=1&limit=3');
    await stage.call('auditor', '/v1/audit');
    const seen = await views();
    expect(seen).toHaveLength(before + 1);
    expect(seen.at(-1)).toMatchObject({ actor: 'key:every_auditor', role: 'auditor', details: { from: 1, limit: 3 } });
    await stage.database.sql('ALTER TABLE audit_unsealed RENAME TO audit_unsealed_away');
    const answers = [
      await stage.call('every_auditor', '/v1/audit'),
      await stage.call('every_auditor', '/v1/audit/entries'),
    ];
    await stage.database.sql('ALTER TABLE audit_unsealed_away RENAME TO audit_unsealed');
    for (const { status, body } of answers) {
      expect(status).toBeGreaterThanOrEqual(500);
      expect(body).not.toHaveProperty('items');
    }
  });

  it.each(['from=-1', 'from=1.5', 'from=x', 'from=150783805607792410624', 'limit=0', 'limit=1001'])(
    'ING-10.a answers entries?%s with a pointer',
    async (query) => {
      const { status, body } = await stage.call<ProblemDetails>('every_auditor', `/v1/audit/entries?${query}`);
      const pointers = [...new Set(body.errors?.map(({ pointer }) => pointer))];
      expect({ status, pointers }).toEqual({ status: 400, pointers: [`?${query.split('=')[0]}`] });
    },
  );

  it('DLQ-11.q gives each entry as its exact bytes, in the order of the log', async () => {
    const log = await sealedLog();
    const { body } = await stage.call<StoredAuditEntries>('every_auditor', '/v1/audit/entries?limit=5');
    expect(body.items.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(body.items.map(({ entry }) => JSON.parse(entry) as unknown)).toEqual(log.slice(0, 5));
  });
});

describe('assayctl audit', () => {
  /** The service answers in this process: it must go on while the command runs. */
  async function assayctl(...args: string[]) {
    const env = { ASSAY_URL: stage.service.url, ASSAY_API_KEY: stage.keys.every_auditor };
    const run = promisify(execFile)(process.execPath, [`${testRun().build}/bin/assayctl.js`, 'audit', ...args], {
      env,
    });
    return run.then(({ stdout }) => stdout);
  }

  it('DLQ-11.q, DLQ-11.p lists the log, and exports it to what the public key alone verifies', async () => {
    const { letter } = await stage.fail({}, { evidence: false });
    await stage.call('operator', `/v1/dead-letters/${letter.id}/discard`, { reason: '=1+1' });
    await sealedLog();
    expect(await assayctl('list', '--limit', '5')).toContain('dead_letter.discarded');
    const room = mkdtempSync(join(tmpdir(), 'assay-audit-'));
    const directory = join(room, 'export');
    expect(await assayctl('export', directory, '--csv')).toContain(`entries in ${directory}`);
    const text = (name: string) => readFileSync(join(directory, name), 'utf8');
    expect(await assayctl('verify', directory, '--key', VERIFIER_KEY, '--origin', ORIGIN)).toContain('holds\n');
    expect(text('entries.jsonl')).toContain(letter.id);
    expect(text('entries.csv')).toContain(`"'=1+1"`);
    await expect(assayctl('export', directory)).rejects.toMatchObject({ code: 2 });
    const stranger = newNoteKeys(ORIGIN).verifier_key;
    await expect(assayctl('verify', directory, '--key', stranger)).rejects.toMatchObject({ code: 1 });
    rmSync(room, { recursive: true });
  });

  it('DLQ-11.q makes a key that only its owner can read, and says the public one', async () => {
    const room = mkdtempSync(join(tmpdir(), 'assay-audit-'));
    const file = join(room, 'key');
    const verifier_key = (await assayctl('new-key', 'log.example/a', file)).trim();
    expect(readVerifierKey(verifier_key).name).toBe('log.example/a');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const signed = signNote('text\n', [readSignerKey(readFileSync(file, 'utf8').trim())]);
    expect(openNote(Buffer.from(signed), [readVerifierKey(verifier_key)]).text).toBe('text\n');
    await expect(assayctl('new-key', 'log.example/a', file)).rejects.toMatchObject({ code: 2 });
    rmSync(room, { recursive: true });
  });
});
