import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, testRun } from '@assay/testing';
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { StackHost } from '../../infra/local/host-client.js';
import { aSubmission, type JobBody } from './submissions.fixture.js';

const LIMIT_MS = 180_000;
let directory: string;
let host: StackHost;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-secure-stack-'));
  const log_directory = join(testRun().log_directory, 'secure-stack');
  const services = { state_directory: join(directory, 'state') };
  const options = { services, durable: false, secure: true, log_directory };
  host = await StackHost.launch(testRun().build, options, () => undefined);
}, LIMIT_MS);
afterAll(async () => {
  await host.stop();
  await rm(directory, { recursive: true, force: true });
}, LIMIT_MS);

async function call(path: string, body?: object): Promise<JobBody> {
  const { keys, services } = host.address.stack!;
  const answer = await fetch(`${services.ingest.url}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${keys.submitter}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  return (await answer.json()) as JobBody;
}

/** Of the services' sessions: whose are encrypted, and whose are not. */
async function sessions(): Promise<{ usename: string; ssl: boolean }[]> {
  const client = new Client({ connectionString: host.address.postgres.admin_url });
  await client.connect();
  try {
    const { rows } = await client.query<{ usename: string; ssl: boolean }>(
      `SELECT DISTINCT usename, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE usename LIKE 'assay_%' ORDER BY 1, 2`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

describe('the stack of `npm run demo -- --secure`', () => {
  it(
    'takes a submission to those concerned, with all services by SASL_SSL and verified TLS',
    async () => {
      const { job_id } = await call('/v1/reviews', aSubmission());
      await eventually(async () => expect((await call(`/v1/reviews/${job_id}?wait_s=5`)).state).toBe('succeeded'));
      expect(await sessions()).toEqual(
        ['dead_letter', 'ingest', 'notifier', 'validator'].map((name) => ({ usename: `assay_${name}`, ssl: true })),
      );
      for (const { probes_url } of Object.values(host.address.stack!.services)) {
        const answer = (await (await fetch(`${probes_url}/readyz`)).json()) as { checks: object };
        expect(answer.checks).toMatchObject({ kafka: { ok: true }, kafka_topics: { ok: true } });
      }
    },
    LIMIT_MS,
  );

  it('lets nobody in at the listener of its services who does not log in, and nobody at Postgres without TLS', async () => {
    const { postgres, secure } = host.address;
    const retry = { retries: 0 };
    const plain = new Kafka({
      brokers: [secure!.brokers],
      logLevel: logLevel.NOTHING,
      retry,
      ssl: { rejectUnauthorized: false },
    });
    const admin = plain.admin();
    await admin.connect();
    await expect(admin.listTopics()).rejects.toThrow();
    await admin.disconnect();
    const client = new Client({ connectionString: postgres.urls.ingest.split('?')[0] });
    client.on('error', () => undefined);
    await expect(client.connect()).rejects.toMatchObject({ code: '28000' });
  });
});
