import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArtefactCipher, fixedSecret } from '@assay/security';
import {
  eventually,
  privateAuthority,
  SCRAM_SESSION_MS,
  SECURE_KAFKA_PASSWORDS,
  secureKafka,
  startSystem,
  testDatabase,
} from '@assay/testing';
import type { SecureKafka, TestDatabase, TestSystem } from '@assay/testing';
import { Kafka, logLevel } from 'kafkajs';
import { createTransport } from 'nodemailer';
import { Client } from 'pg';
import { LoginMailServer, MAIL_USER, SteadyLoad, VerifyingReceiver } from './rotation.fixture.js';
import type { JobBody } from './submissions.fixture.js';

const LIMIT_MS = 400_000;
const PER_S = 20;
const KAFKA_USER = 'erin';
const SCHEMAS = ['ingest', 'validator', 'notifier', 'dead_letter'] as const;
type Schema = (typeof SCHEMAS)[number];

const run = randomBytes(4).toString('hex');
const authority = privateAuthority('mail authority');
const mail = new LoginMailServer(authority.issue());
const receiver = new VerifyingReceiver();
let directory: string;
let kafka: SecureKafka;
let database: TestDatabase;
let system: TestSystem;
let first_urls: Record<Schema, string>;
let load: SteadyLoad;
let ports: { mail: number; webhooks: number };

const random = (): string => randomBytes(12).toString('hex');
const at = (name: string): string => join(directory, name);
const webhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const artefactKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

/** In one move: nobody reads half a file. */
async function put(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function putProviders(webhook_secrets: readonly string[]): Promise<void> {
  const smtp = {
    ...{ host: '127.0.0.1', port: ports.mail, secure: true, ca: `file:${at('mail-ca.pem')}` },
    ...{ user: MAIL_USER, password: `file:${at('mail-password')}`, from: 'Assay <assay@example.com>' },
    // A mail is six questions and answers, and on a busy machine each of them waits for a processor.
    max_connections: 40,
  };
  const secrets = webhook_secrets.map((name) => `file:${at(name)}`);
  const url = `http://127.0.0.1:${ports.webhooks}/hooks/ci-bot`;
  await put(at('providers.json'), JSON.stringify({ smtp, webhook: { endpoints: { 'ci-bot': { url, secrets } } } }));
}

/** A role that signs in as itself and works as the service's own. */
async function makeRole(schema: Schema, name: string): Promise<string> {
  const [role, password] = [`rotating_${run}_${schema}_${name}`, random()];
  await database.sql(`CREATE ROLE ${role} LOGIN PASSWORD '${password}' IN ROLE assay_${schema}`);
  await database.sql(`ALTER ROLE ${role} SET role = 'assay_${schema}'`);
  return Object.assign(new URL(database.roleUrl(schema)), { username: role, password }).href;
}

const makeRoles = async (name: string): Promise<Record<Schema, string>> =>
  Object.fromEntries(
    await Promise.all(SCHEMAS.map(async (schema) => [schema, await makeRole(schema, name)] as const)),
  ) as Record<Schema, string>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-rotation-'));
  [kafka, database] = await Promise.all([secureKafka(), testDatabase('ingest')]);
  await kafka.open(kafka.topic_prefix);
  ports = { mail: await mail.listen(), webhooks: await receiver.listen() };
  mail.passwords = [random()];
  receiver.secret = webhookSecret();
  await put(at('mail-ca.pem'), authority.ca);
  await put(at('mail-password'), mail.passwords[0]!);
  await put(at('webhook-one'), receiver.secret);
  await putProviders(['webhook-one']);
  await put(at('kafka-ca.pem'), kafka.authority.ca);
  await put(at('kafka-user'), KAFKA_USER);
  await put(at('kafka-password'), SECURE_KAFKA_PASSWORDS[KAFKA_USER]);
  first_urls = await makeRoles('one');
  system = await startSystem({
    at: { brokers: kafka.sasl, topic_prefix: kafka.topic_prefix, postgres_urls: first_urls },
    tuning: {
      all: {
        ...{ ASSAY_KAFKA_TLS: 'true', ASSAY_KAFKA_TLS_CA: `file:${at('kafka-ca.pem')}` },
        ASSAY_KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
        ASSAY_KAFKA_SASL_USER: `file:${at('kafka-user')}`,
        ASSAY_KAFKA_SASL_PASSWORD: `file:${at('kafka-password')}`,
      },
      notifier: { ASSAY_NOTIFIER_CONFIG_FILE: at('providers.json'), ASSAY_NOTIFIER_CONFIG_POLL_MS: '500' },
    },
  });
}, LIMIT_MS);
afterAll(async () => {
  await system.close();
  await Promise.all([mail.close(), receiver.close(), kafka.close()]);
  const roles = SCHEMAS.flatMap((schema) => ['one', 'two'].map((name) => `rotating_${run}_${schema}_${name}`));
  for (const role of roles) await database.sql(`DROP ROLE IF EXISTS ${role}`);
  await database.close();
  await rm(directory, { recursive: true });
}, LIMIT_MS);

/** Lines of all services' logs about an event. */
async function told(event: string): Promise<string[]> {
  const logs = system.services.replicas.map(({ log_file }) => readFile(log_file, 'utf8'));
  return (await Promise.all(logs)).flatMap((log) =>
    log.split('\n').filter((line) => line.includes(`"event":"${event}"`)),
  );
}

/** Resolves once every service has read the file for the nth time since its start. */
const taken = (path: string, times: number): Promise<void> =>
  eventually(async () => {
    const lines = (await told('file_reloaded')).filter((line) => line.includes(`"path":"${path}"`));
    expect(lines).toHaveLength(times * system.services.replicas.length);
  });

/** So many more submissions, accepted since now, whose mails and webhooks have come. */
async function underLoad(seconds: number): Promise<void> {
  const begun = load.posted.length;
  const enough = begun + seconds * PER_S;
  await eventually(() => expect(load.posted.length).toBeGreaterThan(enough), { within_ms: seconds * 3_000 });
  await eventually(
    () => {
      const missing = load.posted.slice(0, enough).filter(({ recipient }) => !mail.mails.has(recipient));
      expect(missing).toEqual([]);
    },
    { within_ms: 90_000 },
  );
}

const signsIn = async (url: string): Promise<void> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.end();
};

/** Sessions of the services, by role. */
async function sessions(): Promise<string[]> {
  const text = `SELECT DISTINCT usename FROM pg_stat_activity WHERE usename LIKE 'rotating_${run}_%'`;
  return (await database.sql<{ usename: string }>(text)).map(({ usename }) => usename).sort();
}

async function changePasswordsOfPostgres(urls: Record<Schema, string>): Promise<Record<Schema, string>> {
  const changed = { ...urls };
  for (const schema of SCHEMAS) {
    const password = random();
    changed[schema] = Object.assign(new URL(urls[schema]), { password }).href;
    await database.sql(`ALTER ROLE ${new URL(urls[schema]).username} PASSWORD '${password}'`);
    await put(system.services.secrets.files.postgres_urls[schema], changed[schema]);
  }
  await underLoad(3);
  for (const schema of SCHEMAS) {
    await expect(signsIn(urls[schema])).rejects.toMatchObject({ code: '28P01' });
    await signsIn(changed[schema]);
  }
  return changed;
}

async function changeRolesOfPostgres(old: Record<Schema, string>): Promise<void> {
  const next = await makeRoles('two');
  for (const schema of SCHEMAS) await put(system.services.secrets.files.postgres_urls[schema], next[schema]);
  const wanted = SCHEMAS.map((schema) => new URL(next[schema]).username).sort();
  await eventually(async () => expect(await sessions()).toEqual(wanted));
  for (const schema of SCHEMAS) await database.sql(`ALTER ROLE ${new URL(old[schema]).username} NOLOGIN`);
  await underLoad(3);
  for (const schema of SCHEMAS) await expect(signsIn(old[schema])).rejects.toMatchObject({ code: '28000' });
}

async function logsIntoKafka(password: string): Promise<void> {
  const client = new Kafka({
    ...{ brokers: [kafka.sasl], logLevel: logLevel.NOTHING, retry: { retries: 0 }, ssl: { ca: kafka.authority.ca } },
    sasl: { mechanism: 'scram-sha-512', username: KAFKA_USER, password },
  });
  const admin = client.admin();
  await admin.connect().finally(() => admin.disconnect());
}

async function changePasswordOfKafka(): Promise<void> {
  // A new broker may have refused a group at the start, while it loaded what it knows of groups.
  const crashed_before = await told('crashed');
  const next = random();
  await kafka.setScramPassword(KAFKA_USER, next);
  await put(at('kafka-password'), next);
  // Whoever had not logged in anew by then would be cut off.
  await underLoad((SCRAM_SESSION_MS * 1.25) / 1_000);
  await expect(logsIntoKafka(SECURE_KAFKA_PASSWORDS[KAFKA_USER])).rejects.toThrow();
  await logsIntoKafka(next);
  expect(await told('refused')).toEqual([]);
  expect(await told('crashed')).toEqual(crashed_before);
}

async function changePasswordOfMail(): Promise<void> {
  const [old, next] = [mail.passwords[0]!, random()];
  mail.passwords = [old, next];
  await put(at('mail-password'), next);
  await eventually(() => {
    expect(mail.by_password.get(next) ?? 0).toBeGreaterThan(PER_S);
    expect(mail.open.get(old)).toBe(0);
  });
  mail.passwords = [next];
  await underLoad(3);
  expect(mail.refused_logins).toBe(0);
  const place = { host: '127.0.0.1', port: ports.mail, secure: true, tls: { ca: authority.ca } };
  const by = (pass: string) => createTransport({ ...place, auth: { user: MAIL_USER, pass } }).verify();
  await expect(by(old)).rejects.toMatchObject({ responseCode: 535 });
  await by(next);
}

async function changeSecretOfWebhook(): Promise<void> {
  const [old, next] = [receiver.secret, webhookSecret()];
  await put(at('webhook-two'), next);
  await putProviders(['webhook-two', 'webhook-one']);
  await eventually(() => expect(receiver.last.signatures).toBe(2));
  receiver.secret = next;
  await underLoad(2);
  await putProviders(['webhook-two']);
  await eventually(() => expect(receiver.last.signatures).toBe(1));
  await underLoad(2);
  expect([receiver.last.verifies(next), receiver.last.verifies(old), receiver.refused]).toEqual([true, false, 0]);
}

interface ParkedRow {
  id: string;
  key_id: string;
  bytes: Buffer;
}

/** Records that no consumer can read, which the validator seals and sets aside; the newest of them. */
async function parkAnother(): Promise<ParkedRow> {
  const rows = () =>
    database.sql<ParkedRow>('SELECT id, key_id, bytes FROM validator.parked_records ORDER BY parked_at');
  const known = (await rows()).length;
  const producer = kafka.client.producer();
  await producer.connect();
  const messages = [{ key: `demo ${known}`, value: `no event ${known}` }];
  await producer.send({ topic: `${kafka.topic_prefix}.review.submitted.v1`, messages });
  await producer.disconnect();
  return eventually(async () => {
    const parked = await rows();
    expect(parked).toHaveLength(known + 1);
    return parked.at(-1)!;
  });
}

async function changeArtefactKeys(): Promise<void> {
  const path = system.services.secrets.files.artefact_keys;
  const [old, next] = [(await readFile(path, 'utf8')).trim(), artefactKey('next')];
  const opens = (keys: string, { id, key_id, bytes }: ParkedRow): string =>
    new ArtefactCipher(fixedSecret(keys)).open(id, key_id, bytes).toString();
  const before = await parkAnother();
  await put(path, `${old},${next}`);
  await taken(path, 1);
  expect((await parkAnother()).key_id).toBe(before.key_id);
  await put(path, `${next},${old}`);
  await taken(path, 2);
  expect((await parkAnother()).key_id).toBe('next');
  await put(path, next);
  await taken(path, 3);
  const after = await parkAnother();
  await underLoad(2);
  expect([opens(old, before), opens(next, after)]).toEqual(['no event 0', 'no event 3']);
  expect(() => opens(old, after)).toThrow('not configured');
}

/** What each accepted submission has come to. */
async function assertToldOnce(): Promise<void> {
  for (const { job_id } of load.posted) {
    await eventually(async () => {
      const { body } = await system.call(`/v1/reviews/${job_id}?wait_s=5`);
      expect((body as JobBody).state).toBe('succeeded');
    });
  }
  const once = load.posted.map(({ changelist_id, recipient }) => [changelist_id, recipient, 1, 1]);
  const found = load.posted.map(({ changelist_id, recipient }) => [
    ...[changelist_id, recipient, mail.mails.get(recipient), receiver.webhooks.get(changelist_id)],
  ]);
  expect(found).toEqual(once);
  const url = system.services.of('dead-letter')[0]!.url;
  const { body } = await system.call('/v1/dead-letters?limit=100', { url, as: 'operator' });
  const subjects = (body as { items: { subject_type: string }[] }).items.map(({ subject_type }) => subject_type);
  expect(subjects).toEqual(['record', 'record', 'record', 'record']);
}

const pids = (): number[] => system.services.replicas.map((replica) => replica.process.pid);

describe('secrets of Postgres, Kafka, mail, webhooks and artefacts', () => {
  it(
    'SEC-10.a, SEC-10.b, SEC-10.c, SEC-10.d are each replaced under 20 submissions a second: none fails or is lost, all are told once, nothing restarts',
    async () => {
      const began_as = pids();
      load = new SteadyLoad(system, PER_S);
      load.start();
      try {
        await underLoad(2);
        const changed = await changePasswordsOfPostgres(first_urls);
        await changeRolesOfPostgres(changed);
        await changePasswordOfKafka();
        await changePasswordOfMail();
        await changeSecretOfWebhook();
        await changeArtefactKeys();
      } finally {
        await load.stop();
      }
      expect(load.failures).toEqual([]);
      expect(load.rate_per_s).toBeGreaterThan(PER_S * 0.95);
      await assertToldOnce();
      expect(pids()).toEqual(began_as);
    },
    LIMIT_MS,
  );
});
