import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, testRun } from '@assay/testing';
import type { Collector } from '@assay/testing';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import request from 'supertest';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
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
  const port = await freePort();
  const main = join(testRun().build, 'apps', 'ingest', 'src', 'main.js');
  const env = { PATH: process.env['PATH'], ...fixture.env, ASSAY_HTTP_PORT: String(port), ...over };
  const started = spawn(process.execPath, [main], { env, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await eventually(() => request(url).get('/livez').expect(200), { within_ms: 20_000 });
  return { url, process: started };
}

describe('while Kafka is away', () => {
  it('ING-10.g refuses nothing until the configured backlog, then answers 503 with Retry-After', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => away.post(aSubmission())));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await leftItems()).toBe(20);
    const refused = await eventually(async () => {
      const answer = await away.post(aSubmission());
      expect(answer.status).toBe(503);
      return answer;
    });
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'unavailable' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(await leftItems()).toBeGreaterThanOrEqual(25);
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
  it('ING-10.f answers 503 with Retry-After, and stores what is sent again when it is back', async () => {
    const way = await cuttable(fixture.database.url);
    const replica: Replica = await fixture.start({ DB_URL: way.url });
    await replica.post(aSubmission()).expect(202);
    const body = aSubmission();
    way.cut();
    const refused = await replica.post(body).expect(503);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'unavailable' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    way.mend();
    const stored = await eventually(() => replica.post(body).expect(202));
    expect((await replica.post(body).expect(200)).body).toMatchObject({ job_id: (stored.body as JobView).job_id });
    await replica.stop();
    way.close();
  }, 60_000);
});

describe('a replica that freezes in the middle of a commit', () => {
  it('ING-3.d does not hold up the others for long: Postgres takes its locks back', async () => {
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
