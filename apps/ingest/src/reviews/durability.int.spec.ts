import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobEvent } from '@assay/contracts';
import type { ReplayRequested } from '@assay/contracts';
import { KafkaPublisher } from '@assay/messaging';
import { readSettings } from '@assay/service';
import { eventually, testRun } from '@assay/testing';
import type { Collector, TestDatabase } from '@assay/testing';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import request from 'supertest';
import { v7 } from 'uuid';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { INGEST_SETTINGS } from '../ingest.config.js';
import { aSubmission, ingestFixture } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import { contestLocks } from './contest-locks.js';
import type { JobView } from './job.js';
import { LOCK_CONTEST } from './sql/lock-contest.js';

/** Nobody listens there. */
const NO_KAFKA = '127.0.0.1:1';

let fixture: IngestFixture;
let submitted: Collector;
let away: Replica;
let doomed: { url: string; process: ChildProcess };

beforeAll(async () => {
  fixture = await ingestFixture();
  submitted = await fixture.kafka.consume('review.submitted');
  const without_kafka = { ASSAY_KAFKA_BROKERS: NO_KAFKA, ASSAY_KAFKA_PUBLISH_TIMEOUT_MS: '500' };
  [away, doomed] = await Promise.all([
    fixture.start({ ...without_kafka, ASSAY_BACKLOG_MAX_ITEMS: '25', ASSAY_BACKLOG_SAMPLE_MS: '1' }),
    startProcess({ ...without_kafka, ASSAY_INSTANCE: 'doomed', ASSAY_LEASE_MS: '1000' }),
  ]);
}, 60_000);
afterAll(() => fixture.close());

const publishedIds = () => new Set(submitted.records.map(({ headers }) => headers['ce_subject']));
const leftItems = async () =>
  Number((await fixture.database.sql(`SELECT count(*) AS n FROM work_items WHERE queue = 'submitted'`))[0]!['n']);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Ingest as a process of its own, for killing. */
async function startProcess(over: Record<string, string>): Promise<{ url: string; process: ChildProcess }> {
  const [port, probe_port] = [await freePort(), await freePort()];
  const main = join(testRun().build, 'bin', 'ingest.js');
  const env = { PATH: process.env['PATH'], ...fixture.env, ASSAY_HTTP_PORT: String(port) };
  const started = spawn(process.execPath, [main], {
    env: { ...env, ASSAY_PROBE_PORT: String(probe_port), ...over },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(() => request(`http://127.0.0.1:${probe_port}`).get('/livez').expect(200), { within_ms: 20_000 });
  return { url, process: started };
}

describe('while Kafka is away', () => {
  it('GEN-10.d is ready all the same, and says that Kafka is silent', async () => {
    const { body } = await away.probe('/readyz').expect(200);
    expect(body).toMatchObject({
      ok: true,
      checks: { kafka: { ok: false, code: 'kafka_silent' }, backlog: { ok: true } },
    });
  });

  it('ING-10.g, ING-10.j, GEN-10.d refuses nothing until the configured backlog, then answers 503 with Retry-After and is unready', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => away.post(aSubmission())));
    // By which sources take turns once Kafka is back (ING-12).
    const sources = await fixture.database.sql(`SELECT DISTINCT source FROM work_items WHERE queue = 'submitted'`);
    expect(sources).toEqual([{ source: 'acme' }]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await leftItems()).toBe(20);
    const refused = await eventually(async () => {
      const answer = await away.post(aSubmission());
      expect(answer.status).toBe(503);
      return answer;
    });
    expect(JSON.parse(refused.text)).toMatchObject({
      code: 'unavailable',
      detail: expect.stringMatching(/^The submission was not stored: .*Send it again with the same idempotency key\.$/),
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(await leftItems()).toBeGreaterThanOrEqual(25);
    const full = await away.probe('/readyz').expect(503);
    expect(full.body).toMatchObject({ ok: false, checks: { backlog: { ok: false, code: 'backlog_full' } } });
  });

  it('ING-10.g publishes all of it once Kafka is back, and accepts again', async () => {
    const waiting = await fixture.database.sql(`SELECT subject_id FROM work_items WHERE queue = 'submitted'`);
    const back = await fixture.start();
    // The replica without Kafka holds one of them for as long as its probe lasts.
    await eventually(
      () => expect(publishedIds()).toEqual(new Set(waiting.map(({ subject_id }) => subject_id as string))),
      { within_ms: 40_000 },
    );
    await eventually(async () => expect(await leftItems()).toBe(0));
    await eventually(() => away.probe('/readyz').expect(200));
    await eventually(() => away.post(aSubmission()).expect(202));
    await Promise.all([away.stop(), back.stop()]);
  }, 90_000);
});

describe('a crash', () => {
  it('ING-2.b between commit and publication loses nothing: the next replica publishes what is stored', async () => {
    const body = aSubmission({ review_result: 'as it came' });
    const answer = await request(doomed.url)
      .post('/v1/reviews')
      .set('authorization', `Bearer ${fixture.keys.acme}`)
      .send(body)
      .expect(202);
    doomed.process.kill('SIGKILL');
    await once(doomed.process, 'exit');
    const { job_id } = answer.body as JobView;
    expect(publishedIds().has(job_id)).toBe(false);

    const successor = await fixture.start();
    const record = await eventually(() => {
      const found = submitted.records.find(({ headers }) => headers['ce_subject'] === job_id);
      expect(found).toBeDefined();
      return found!;
    });
    expect(record.value!.includes(Buffer.from(JSON.stringify(body)))).toBe(true);
    expect(record.headers['ce_id']).toBe(`${job_id}:0:1:review.submitted`);
    await eventually(async () => expect(await leftItems()).toBe(0));
    await successor.stop();
  }, 30_000);
});

describe('a crash with a replay', () => {
  it('GEN-5.a between decision and publication loses nothing: the successor publishes what is stored', async () => {
    const { database, kafka } = fixture;
    const accepted = await kafka.consume('replay.accepted');
    const { url, process: crashing } = await startProcess({ ASSAY_INSTANCE: 'crashing', ASSAY_LEASE_MS: '1000' });
    const authorization = `Bearer ${fixture.keys.acme}`;
    const answer = await request(url).post('/v1/reviews').set({ authorization }).send(aSubmission()).expect(202);
    const { job_id } = answer.body as JobView;
    await database.sql(`UPDATE jobs SET state = 'failed', settled_at = clock_timestamp() WHERE id = $1`, [job_id]);
    const gate = await claimGate(database);
    const request_data = replayOf(answer.body as JobView);
    const publisher = new KafkaPublisher(readSettings(INGEST_SETTINGS, fixture.env), 'dead-letter');
    await publisher.publish([
      jobEvent('replay.requested', request_data, { subject: request_data.item_id, traceparent: null }),
    ]);
    await publisher.close();
    await gate.reached();
    crashing.kill('SIGKILL');
    await once(crashing, 'exit');
    await gate.turnAway();
    const state = () => database.sql('SELECT state, generation FROM jobs WHERE id = $1', [job_id]);
    expect(await state()).toEqual([{ state: 'in_progress', generation: 1 }]);
    expect(accepted.records).toEqual([]);

    const successor = await fixture.start();
    const record = await eventually(() => {
      expect(accepted.records.length).toBeGreaterThanOrEqual(1);
      return accepted.records[0]!;
    });
    expect(record.headers['ce_id']).toBe(`${request_data.item_id}:1:1:replay.accepted`);
    await eventually(async () => {
      expect(await database.sql(`SELECT FROM work_items WHERE queue = 'replay'`)).toEqual([]);
    });
    expect(await state()).toEqual([{ state: 'in_progress', generation: 1 }]);
    await successor.stop();
  }, 60_000);
});

/** Stops every claim of what publishes a replay's answer, on the server. */
async function claimGate({ sql, url }: TestDatabase): Promise<{ reached(): Promise<void>; turnAway(): Promise<void> }> {
  await sql(`CREATE FUNCTION ingest.gate() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$`);
  await sql(`CREATE TRIGGER gate BEFORE UPDATE ON ingest.work_items FOR EACH ROW
    WHEN (NEW.queue = 'replay' AND NEW.state = 'running') EXECUTE FUNCTION ingest.gate()`);
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('SELECT pg_advisory_lock(4711)');
  const waiting = async () =>
    (
      await client.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`,
      )
    ).rows;
  return {
    reached: () => eventually(async () => expect((await waiting()).length).toBeGreaterThan(0), { within_ms: 20_000 }),
    turnAway: async () => {
      for (const { pid } of await waiting()) await client.query('SELECT pg_terminate_backend($1)', [pid]);
      await client.end();
      await sql('DROP TRIGGER gate ON ingest.work_items');
    },
  };
}

function replayOf(job: JobView): ReplayRequested {
  const { job_id, source, changelist_id, review_version, generation, correlation_id, accepted_at } = job;
  return {
    ...{ job_id, source, changelist_id, review_version, generation, correlation_id, occurred_at: accepted_at },
    ...{ revision: 1, plan_id: v7(), item_id: v7(), dead_letter_id: v7(), action: 'replay', start_stage: 'notify' },
    ...{ subject_type: 'job', subject_id: job_id, corrected_recipient: null, reason: null, actor: 'key:ops' },
  };
}

/** A way to Postgres that can be cut. */
async function cuttable(url: string): Promise<{ url: string; cut(): void; mend(): void; close(): void }> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  let is_cut = false;
  const server = createServer((inward) => {
    if (is_cut) return void inward.destroy();
    const outward = connect(Number(port), hostname);
    for (const socket of [inward, outward]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
    }
    inward.pipe(outward).pipe(inward);
    inward.on('close', () => outward.destroy());
    outward.on('close', () => inward.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  const cut = (): void => {
    is_cut = true;
    for (const socket of open) socket.destroy();
  };
  return { url: through.href, cut, mend: () => void (is_cut = false), close: () => (cut(), void server.close()) };
}

describe('while Postgres is away', () => {
  it('ING-10.f, ING-10.j answers 503 with Retry-After, and stores what is sent again when it is back', async () => {
    const way = await cuttable(fixture.database.url);
    const replica: Replica = await fixture.start({ DB_URL: way.url });
    await replica.post(aSubmission()).expect(202);
    const body = aSubmission();
    way.cut();
    const refused = await replica.post(body).expect(503);
    expect(JSON.parse(refused.text)).toMatchObject({
      code: 'unavailable',
      detail: expect.stringMatching(/may or may not have been stored.*same idempotency key is safe/),
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    way.mend();
    const stored = await eventually(() => replica.post(body).expect(202));
    expect((await replica.post(body).expect(200)).body).toMatchObject({ job_id: (stored.body as JobView).job_id });
    await replica.stop();
    way.close();
  }, 60_000);
});

describe('a replica that freezes in the middle of a commit', () => {
  it('does not hold up the others for long: Postgres takes its locks back', async () => {
    const url = fixedSecret(fixture.database.url);
    const options = { url, schema: 'ingest', pool_size: 2, statement_timeout_ms: 1_000, application_name: 'frozen' };
    const frozen = await new Database(options).open();
    const body = aSubmission();
    const thaw = new AbortController();
    const held = new AbortController();
    const locks = contestLocks([{ source: 'acme', ...(body as { idempotency_key: string; changelist_id: string }) }]);
    const transaction = frozen.transaction(async (tx) => {
      await tx.query(LOCK_CONTEST, [locks]);
      held.abort();
      await once(thaw.signal, 'abort');
    });
    const outcome = transaction.catch((error: unknown) => error);
    await once(held.signal, 'abort');
    const replica = await fixture.start();
    await replica.post(body).expect(202);
    thaw.abort();
    expect(await outcome).toMatchObject({ name: 'Failure', retryable: true });
    await Promise.all([frozen.close(), replica.stop()]);
  });
});
