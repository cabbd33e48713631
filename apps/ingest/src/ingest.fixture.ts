import { jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventId, eventKey } from '@assay/contracts';
import type { EventDataByType, EventType } from '@assay/contracts';
import { KafkaBatchServer } from '@assay/messaging';
import { newApiKey } from '@assay/security';
import { readSettings, startService } from '@assay/service';
import type { RunningService } from '@assay/service';
import { testDatabase, testKafka, UNTHROTTLED } from '@assay/testing';
import type { TestDatabase, TestKafka } from '@assay/testing';
import { EVENT_PUBLISHER } from '@assay/work-queue';
import type { EventPublisher } from '@assay/work-queue';
import { Client } from 'pg';
import request from 'supertest';
import { INGEST_SETTINGS } from './ingest.config.js';
import { IngestModule } from './ingest.module.js';
import type { JobView } from './reviews/job.js';

// A replica that starts or stops beside a busy neighbour takes a while; what hangs still fails by eventually().
jest.setTimeout(30_000);

/** Who calls in these tests; `acme` and `other` are two sources. */
export const CALLERS = ['acme', 'other', 'operator', 'auditor'] as const;
export type Caller = (typeof CALLERS)[number];

export interface IngestFixture {
  database: TestDatabase;
  kafka: TestKafka;
  keys: Record<Caller, string>;
  /** The environment that a replica is started with. */
  env: Record<string, string>;
  /** Starts one replica in this process. */
  start(over?: Record<string, string>): Promise<Replica>;
  /** Another's session takes these advisory locks and does not end; call what it returns to end it. */
  hold(locks: readonly string[]): Promise<() => Promise<void>>;
  /** Stops the replicas and drops what was made. */
  close(): Promise<void>;
}

export interface Replica extends RunningService {
  post(body: unknown, options?: { as?: Caller; headers?: Record<string, string> }): request.Test;
  get(path: string, as?: Caller): request.Test;
  /** `/livez`, `/readyz` or `/metrics`. */
  probe(path: string): request.Test;
  /** Publishes what another stage tells of a job. */
  tell<T extends EventType>(job: JobView, type: T, data: Partial<EventDataByType[T]>): Promise<void>;
}

let counted = 0;

/** A submission of its own changelist, unless told otherwise. */
export function aSubmission(over: Record<string, unknown> = {}): Record<string, unknown> {
  counted += 1;
  return {
    idempotency_key: `key-${counted}`,
    changelist_id: `c-${counted}`,
    review_version: 1,
    changed_files: ['//depot/project/a.ts'],
    recipients: [{ channel: 'webhook', address: 'ci' }],
    review_result: { schema_version: '1.0', prompt_version: '1.0.0', findings: [] },
    ...over,
  };
}

/** One database, one set of topics and as many replicas of ingest as are started. */
export async function ingestFixture(): Promise<IngestFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'assay-ingest-'));
  const [database, kafka] = [await testDatabase('ingest'), testKafka()];
  await kafka.createTopics();
  const { keys, files } = await writeFiles(directory);
  const replicas: RunningService[] = [];
  let started = 0;
  const env: Record<string, string> = {
    DB_URL: database.url,
    ARTEFACT_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
    ...files,
    // Links are paths, which `get` takes.
    ...{ ASSAY_INGEST_PUBLIC_URL: '/', ASSAY_VALIDATOR_PUBLIC_URL: '/' },
    ASSAY_HTTP_PORT: '0',
    ASSAY_HTTP_HOST: '127.0.0.1',
    ...UNTHROTTLED,
    ASSAY_POSTGRES_URL: 'env:DB_URL',
    ASSAY_ARTEFACT_KEYS: 'env:ARTEFACT_KEYS',
    ASSAY_KAFKA_BROKERS: kafka.brokers,
    ASSAY_KAFKA_TOPIC_PREFIX: kafka.topic_prefix,
    ASSAY_KAFKA_GROUP: `${kafka.topic_prefix}-ingest`,
    ASSAY_KAFKA_SESSION_TIMEOUT_MS: '6000',
    ASSAY_LEASE_MS: '2000',
    ASSAY_SWEEP_INTERVAL_MS: '200',
    ASSAY_POLL_MAX_MS: '500',
  };
  return {
    ...{ database, kafka, keys, env },
    start: async (over = {}) => {
      const replica = await startReplica({ ...env, ASSAY_INSTANCE: `ingest-${started++}`, ...over }, keys);
      replicas.push(replica);
      return replica;
    },
    hold: async (locks) => {
      const client = new Client({ connectionString: database.url });
      await client.connect();
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock(l) FROM unnest($1::bigint[]) AS u(l)', [locks]);
      return () => client.end();
    },
    close: async () => {
      await Promise.all(replicas.map((replica) => replica.stop()));
      await kafka.close();
      await database.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function writeFiles(directory: string) {
  const made = CALLERS.map((caller) => ({ caller, ...newApiKey() }));
  const entries = made.map(({ caller, sha256 }) => {
    const submits = caller === 'acme' || caller === 'other';
    return { id: `${caller}-key`, sha256, role: submits ? 'submitter' : caller, sources: submits ? [caller] : '*' };
  });
  const [api_keys, allow_list] = [join(directory, 'api-keys.json'), join(directory, 'allow-list.json')];
  await writeFile(api_keys, JSON.stringify({ keys: entries }));
  await writeFile(allow_list, JSON.stringify({ changed_by: 'ops', entries: ['//depot/project/...', './...'] }));
  return {
    keys: Object.fromEntries(made.map(({ caller, key }) => [caller, key])) as Record<Caller, string>,
    files: { ASSAY_API_KEYS_FILE: api_keys, ASSAY_DEPOT_ALLOW_LIST_FILE: allow_list },
  };
}

async function startReplica(env: Record<string, string>, keys: Record<Caller, string>): Promise<Replica> {
  const settings = readSettings(INGEST_SETTINGS, env);
  const service = await startService(
    { name: 'ingest', module: IngestModule.register(settings), transport: (app) => app.get(KafkaBatchServer) },
    settings,
  );
  const publisher = service.app.get<EventPublisher>(EVENT_PUBLISHER);
  return {
    ...service,
    post: (body, { as = 'acme', headers = {} } = {}) =>
      request(service.url)
        .post('/v1/reviews')
        .set({ authorization: `Bearer ${keys[as]}`, 'content-type': 'application/json', ...headers })
        .send(typeof body === 'string' ? body : JSON.stringify(body)),
    probe: (path) => request(service.probes_url).get(path),
    get: (path, as = 'acme') => request(service.url).get(path).set('authorization', `Bearer ${keys[as]}`),
    tell: async (job, type, over) => {
      const [result] = await publisher.publish([eventAbout(job, type, over)]);
      if (result?.kind !== 'acked') throw new Error(`${type} was not taken: ${JSON.stringify(result)}`);
    },
  };
}

function eventAbout<T extends EventType>(job: JobView, type: T, over: Partial<EventDataByType[T]>) {
  const { job_id, source, changelist_id, review_version, generation, correlation_id } = job;
  const occurred_at = '2026-01-01T00:00:00.000Z';
  const about = { job_id, source, changelist_id, review_version, generation, revision: 1, occurred_at, correlation_id };
  const data = { ...about, ...over };
  const subject = (over as { subject_id?: string }).subject_id ?? job_id;
  return {
    ...{ type, subject, time: occurred_at, key: eventKey(source, changelist_id), correlation_id, traceparent: null },
    id: eventId(subject, generation, data.revision, type),
    data: Buffer.from(JSON.stringify(data)),
  };
}

/** What the validator tells of a response that it accepted. */
export const VALIDATED: Partial<EventDataByType['review.validated']> = {
  outcome: 'accepted',
  versions: {
    schema_version: '1.0',
    read_as: '1.0',
    prompt_version: '1.0.0',
    schema_verdict: 'exact',
    prompt_verdict: 'exact',
  },
  counts: { submitted: 3, kept: 2, dropped: 1, coerced: 1, by_code: { invalid_enum_value: 1 } },
  rejection: null,
  result: { schema_version: '1.0', prompt_version: '1.0.0', findings: [] },
  recipients: [{ channel: 'webhook', address: 'ci' }],
  priority: 5,
  accepted_at: '2026-01-01T00:00:00.000Z',
  allow_list: { submitted_under: 'h', judged_by: 'h' },
};

/** What the notifier tells when deliveries are as given and none is open. */
export function deliveriesEnded(
  states: Record<string, number>,
  failed = 0,
): Partial<EventDataByType['delivery.settled']> {
  return { summary: { open: 0, failed, by_channel: { webhook: states } }, deliveries: [] };
}
