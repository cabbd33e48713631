import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventId, eventKey } from '@assay/contracts';
import type { OutgoingEvent, ReviewSubmitted } from '@assay/contracts';
import { kafkaTransport } from '@assay/messaging';
import { newApiKey } from '@assay/security';
import { readSettings, startService } from '@assay/service';
import type { RunningService } from '@assay/service';
import { eventually, testDatabase, testKafka, UNTHROTTLED } from '@assay/testing';
import type { CollectedRecord, Collector, TestDatabase, TestKafka } from '@assay/testing';
import { EVENT_PUBLISHER } from '@assay/work-queue';
import type { EventPublisher } from '@assay/work-queue';
import request from 'supertest';
import { v7 } from 'uuid';
import { VALIDATOR_SETTINGS } from './validator.config.js';
import { ValidatorModule } from './validator.module.js';

/** Who asks in these tests; `acme` and `other` are two sources. */
export const CALLERS = ['acme', 'other', 'operator'] as const;
export type Caller = (typeof CALLERS)[number];

export interface Replica extends RunningService {
  get(path: string, as?: Caller | null): request.Test;
  /** `/livez`, `/readyz` or `/metrics`. */
  probe(path: string): request.Test;
  post(path: string, body: unknown, as?: Caller): request.Test;
  /** Publishes submissions as ingest would; the same one again is the same record again. */
  submit(...submitted: ReviewSubmitted[]): Promise<void>;
}

export interface ValidatorFixture {
  database: TestDatabase;
  kafka: TestKafka;
  validated: Collector;
  dead: Collector;
  start(over?: Record<string, string>): Promise<Replica>;
  close(): Promise<void>;
}

export const A_FINDING = {
  id: 'F1',
  severity: 'high',
  category: 'correctness',
  title: 'Unchecked result',
  file: '//depot/project/a.ts',
  line: 10,
  message: 'lookup() may answer null here.',
};

export function aResult(differs: Record<string, unknown> = {}): Record<string, unknown> {
  return { schema_version: '1.0', prompt_version: '1.0.0', findings: [A_FINDING], ...differs };
}

/** The event of a submission of a job of its own, unless told otherwise. */
export function aSubmission(
  submission: Record<string, unknown> = {},
  differs: Partial<ReviewSubmitted> = {},
): ReviewSubmitted {
  const job_id = differs.job_id ?? v7();
  return {
    job_id,
    source: 'acme',
    changelist_id: `c-${job_id.slice(-12)}`,
    review_version: 1,
    generation: 0,
    revision: 1,
    occurred_at: '2026-01-01T00:00:00.000Z',
    correlation_id: `corr-${job_id}`,
    priority: 5,
    allow_list_hash: 'as-ingest-saw-it',
    recipients: [{ channel: 'webhook', address: 'ci' }],
    accepted_at: '2026-01-01T00:00:00.000Z',
    submission: { changed_files: ['//depot/project/a.ts#3'], review_result: aResult(), ...submission },
    ...differs,
  };
}

/**
 * One database, one set of topics, and as many replicas of the validator as are started.
 *
 * @param review_policy the reading, as `ASSAY_REVIEW_POLICY_FILE` holds it.
 */
export async function validatorFixture({
  entries = ['//depot/project/...'],
  review_policy = {} as object,
} = {}): Promise<ValidatorFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'assay-validator-'));
  const [database, kafka] = [await testDatabase('validator'), testKafka()];
  await kafka.createTopics();
  const [validated, dead] = [await kafka.consume('review.validated'), await kafka.consume('stage.dead_lettered')];
  const { keys, files } = await writeFiles(directory, entries, review_policy);
  const replicas: Replica[] = [];
  const env = environment(database, kafka, files);
  return {
    ...{ database, kafka, validated, dead },
    start: async (over = {}) => {
      const replica = await startReplica({ ...env, ASSAY_INSTANCE: `validator-${replicas.length}`, ...over }, keys);
      replicas.push(replica);
      return replica;
    },
    close: async () => {
      await Promise.all(replicas.map((replica) => replica.stop()));
      await kafka.close();
      await database.close();
      await rm(directory, { recursive: true });
    },
  };
}

function environment(database: TestDatabase, kafka: TestKafka, files: Record<string, string>): Record<string, string> {
  return {
    DB_URL: database.url,
    ARTEFACT_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
    ...files,
    ASSAY_HTTP_PORT: '0',
    ASSAY_HTTP_HOST: '127.0.0.1',
    ...UNTHROTTLED,
    ASSAY_POSTGRES_URL: 'env:DB_URL',
    ASSAY_ARTEFACT_KEYS: 'env:ARTEFACT_KEYS',
    ASSAY_KAFKA_BROKERS: kafka.brokers,
    ASSAY_KAFKA_TOPIC_PREFIX: kafka.topic_prefix,
    ASSAY_KAFKA_GROUP: `${kafka.topic_prefix}-validator`,
    ASSAY_KAFKA_SESSION_TIMEOUT_MS: '6000',
    ASSAY_LEASE_MS: '2000',
    ASSAY_SWEEP_INTERVAL_MS: '200',
    ASSAY_POLL_MAX_MS: '500',
  };
}

async function writeFiles(directory: string, allowed: readonly string[], review_policy: object) {
  const made = CALLERS.map((caller) => ({ caller, ...newApiKey() }));
  const entries = made.map(({ caller, sha256 }) =>
    caller === 'operator'
      ? { id: `${caller}-key`, sha256, role: 'operator', sources: '*' }
      : { id: `${caller}-key`, sha256, role: 'submitter', sources: [caller] },
  );
  const [api_keys, allow_list] = [join(directory, 'api-keys.json'), join(directory, 'allow-list.json')];
  const versions = join(directory, 'schema-versions.json');
  const policy = join(directory, 'review-policy.json');
  await writeFile(api_keys, JSON.stringify({ keys: entries }));
  await writeFile(allow_list, JSON.stringify({ changed_by: 'ops', entries: allowed }));
  await writeFile(policy, JSON.stringify(review_policy));
  await writeFile(
    versions,
    JSON.stringify({ '1.0': { status: 'current' }, '1.1': { status: 'preview', sources: ['acme', 'secretive'] } }),
  );
  return {
    keys: Object.fromEntries(made.map(({ caller, key }) => [caller, key])) as Record<Caller, string>,
    files: {
      ASSAY_API_KEYS_FILE: api_keys,
      ASSAY_DEPOT_ALLOW_LIST_FILE: allow_list,
      ASSAY_SCHEMA_VERSIONS_FILE: versions,
      ASSAY_REVIEW_POLICY_FILE: policy,
    },
  };
}

async function startReplica(env: Record<string, string>, keys: Record<Caller, string>): Promise<Replica> {
  const settings = readSettings(VALIDATOR_SETTINGS, env);
  const module = ValidatorModule.register(settings);
  const service = await startService({ name: 'validator', module, transport: (app) => kafkaTransport(app) }, settings);
  const publisher = service.app.get<EventPublisher>(EVENT_PUBLISHER);
  const authorization = (caller: Caller) => `Bearer ${keys[caller]}`;
  return {
    ...service,
    probe: (path) => request(service.probes_url).get(path),
    get: (path, as = 'acme') => {
      const asked = request(service.url).get(path);
      return as === null ? asked : asked.set('authorization', authorization(as));
    },
    post: (path, body, as = 'acme') =>
      request(service.url)
        .post(path)
        .set({ authorization: authorization(as), 'content-type': 'application/json' })
        .send(typeof body === 'string' ? body : JSON.stringify(body)),
    submit: async (...submitted) => {
      const results = await publisher.publish(submitted.map(asEvent));
      const refused = results.filter(({ kind }) => kind !== 'acked');
      if (refused.length > 0) throw new Error(`submissions were not taken: ${JSON.stringify(refused)}`);
    },
  };
}

function asEvent(data: ReviewSubmitted): OutgoingEvent {
  const { job_id, source, changelist_id, generation, correlation_id, occurred_at } = data;
  return {
    type: 'review.submitted',
    id: eventId(job_id, generation, 1, 'review.submitted'),
    subject: job_id,
    time: occurred_at,
    key: eventKey(source, changelist_id),
    correlation_id,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    data: Buffer.from(JSON.stringify(data)),
  };
}

/** What a topic tells of one job, once it has come so many times. */
export function told(collector: Collector, job_id: string, times = 1): Promise<CollectedRecord[]> {
  return eventually(
    () => {
      const records = collector.records.filter((record) => record.json<{ job_id: string }>().job_id === job_id);
      if (records.length < times) throw new Error(`${records.length} of ${times} records of ${job_id} have come`);
      return Promise.resolve(records);
    },
    { within_ms: 20_000 },
  );
}
