import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, PostgresServers, startSystem } from '@assay/testing';
import type { PostgresServer, TestSystem } from '@assay/testing';
import { aSubmission, type JobBody } from './submissions.fixture.js';

const LIMIT_MS = 240_000;
const CALLERS = 8;
/** Accepted before the primary dies, and again after the standby has been promoted. */
const EACH_SIDE = 60;
const SCHEMAS = ['ingest', 'validator', 'notifier', 'dead_letter'] as const;
type Urls = Record<(typeof SCHEMAS)[number], string>;
/** What was at work when the primary died is taken over in seconds. */
const TUNING = {
  all: { ASSAY_LEASE_MS: '5000', ASSAY_SWEEP_INTERVAL_MS: '500', ASSAY_POSTGRES_STATEMENT_TIMEOUT_MS: '2000' },
  notifier: { ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '2000' },
};

const infra = join(import.meta.dirname, '..', '..', 'infra', 'postgres');
const password = randomBytes(12).toString('hex');
let servers: PostgresServers;
let primary: PostgresServer;
let standby: PostgresServer;
let system: TestSystem;

async function prepare(): Promise<Urls> {
  const [roles, schemas] = await Promise.all(
    ['roles.sql', 'schemas.sql'].map((name) => readFile(join(infra, name), 'utf8')),
  );
  await primary.sql(roles!);
  for (const schema of SCHEMAS) await primary.sql(`ALTER ROLE assay_${schema} PASSWORD '${password}'`);
  await primary.sql('CREATE DATABASE assay');
  await primary.sql(schemas!, 'assay');
  standby = await servers.standbyOf(primary, 'whole-standby');
  await primary.sql(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
  await primary.sql('SELECT pg_reload_conf()');
  await eventually(async () =>
    expect(await primary.sql(`SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`)).toHaveLength(1),
  );
  const hosts = [primary, standby].map(({ port }) => `127.0.0.1:${port}`).join(',');
  return Object.fromEntries(
    SCHEMAS.map((schema) => [schema, `postgres://assay_${schema}:${password}@${hosts}/assay`]),
  ) as Urls;
}

beforeAll(async () => {
  servers = await PostgresServers.open();
  primary = await servers.make('whole-primary');
  system = await startSystem({ at: { postgres_urls: await prepare() }, tuning: TUNING });
}, LIMIT_MS);
afterAll(async () => {
  await system.close();
  await servers.close();
}, LIMIT_MS);

/** By changelist: the job that it was accepted as. */
const accepted = new Map<string, string>();
/** Answers other than 202. */
const unanswered: number[] = [];

/** Posts until there is a 202, as an upstream does: the key makes that safe. */
async function submit(): Promise<void> {
  const body = aSubmission({ recipients: [{ channel: 'webhook', address: 'ci-bot' }] });
  await eventually(
    async () => {
      const { status, body: answer } = await system.call('/v1/reviews', { body });
      if (status >= 300) unanswered.push(status);
      expect([200, 202]).toContain(status);
      accepted.set(String(body.changelist_id), (answer as JobBody).job_id);
    },
    { within_ms: 90_000 },
  );
}

const pids = (): number[] => system.services.replicas.map((replica) => replica.process.pid);

describe('four services whose primary dies and whose standby is promoted', () => {
  it(
    'OPS-6.d lose nothing that was accepted, restart nothing and tell everybody, by a URL of two hosts',
    async () => {
      const began_as = pids();
      let going = true;
      const callers = Array.from({ length: CALLERS }, async () => {
        while (going) await submit();
      });
      await eventually(() => expect(accepted.size).toBeGreaterThan(EACH_SIDE), { within_ms: 60_000 });
      await primary.stop('SIGQUIT');
      await eventually(() => expect(unanswered).toContain(503));
      const by_then = accepted.size;
      await standby.sql('SELECT pg_promote()');
      await eventually(() => expect(accepted.size).toBeGreaterThan(by_then + EACH_SIDE), { within_ms: 60_000 });
      going = false;
      await Promise.all(callers);
      expect(new Set(unanswered)).toEqual(new Set([503]));
      for (const job_id of accepted.values()) {
        await eventually(
          async () => {
            const { body } = await system.call(`/v1/reviews/${job_id}?wait_s=5`);
            expect((body as JobBody).state).toBe('succeeded');
          },
          { within_ms: 60_000 },
        );
      }
      const webhooks = await system.sinks.webhooks();
      const told = new Map(webhooks.map(({ body, headers }) => [headers['webhook-id'], changelistOf(body)]));
      expect([...told.values()].sort()).toEqual([...accepted.keys()].sort());
      expect(pids()).toEqual(began_as);
    },
    LIMIT_MS,
  );
});

function changelistOf(body: string): string {
  return String((JSON.parse(body) as { data: { changelist_id: unknown } }).data.changelist_id);
}
