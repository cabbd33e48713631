import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failureFingerprint, jobEvent } from '@assay/contracts';
import type {
  DeliverySettled,
  EventData,
  OutgoingEvent,
  ReceivedEvent,
  ReviewSettled,
  StageDeadLettered,
} from '@assay/contracts';
import { cloudEventHeaders, kafkaTransport } from '@assay/messaging';
import { newApiKey } from '@assay/security';
import { readSettings, startService } from '@assay/service';
import type { RunningService } from '@assay/service';
import { testDatabase, testKafka, UNTHROTTLED } from '@assay/testing';
import type { TestDatabase, TestKafka } from '@assay/testing';
import { v7 } from 'uuid';
import { DEAD_LETTER_SETTINGS } from './dead-letter.config.js';
import { DeadLetterModule } from './dead-letter.module.js';
import type { LetterView } from './triage/letters-view.repository.js';

const KEYS = {
  operator: { role: 'operator', sources: ['acme'] },
  other_operator: { role: 'operator', sources: ['other'] },
  every_source: { role: 'operator', sources: '*' },
  auditor: { role: 'auditor', sources: ['acme'] },
  every_auditor: { role: 'auditor', sources: '*' },
  submitter: { role: 'submitter', sources: ['acme'] },
} as const;
type Caller = keyof typeof KEYS;

/** An answer of the service. */
export interface Answer<T> {
  status: number;
  body: T;
}

/** The service in this process on a real Kafka and Postgres, with a database and topics of the file's own. */
export interface DeadLetterStage {
  readonly database: TestDatabase;
  readonly kafka: TestKafka;
  readonly service: RunningService;
  /** The callers' API keys. */
  readonly keys: Readonly<Record<Caller, string>>;
  send(...events: OutgoingEvent[]): Promise<void>;
  /** Sends bytes as they are to the topic of dead letters. */
  sendRaw(value: string): Promise<void>;
  call<T>(as: Caller | null, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  /** The dead letter about a subject, as a key for every source sees it; null where there is none. */
  letterOf(subject_id: string): Promise<LetterView | null>;
  /** A second replica; stop it yourself. */
  replica(settings?: Record<string, string>): Promise<RunningService>;
  close(): Promise<void>;
}

/**
 * @param wayTo what the service reaches its database by, given its URL; a proxy's, for instance
 * @param tuning settings of every replica
 */
export async function deadLetterStage(
  wayTo: (url: string) => string | Promise<string> = (url) => url,
  tuning: Record<string, string> = {},
): Promise<DeadLetterStage> {
  const database = await testDatabase('dead_letter');
  const database_url = await wayTo(database.url);
  const kafka = testKafka();
  await kafka.createTopics();
  const producer = kafka.client.producer();
  await producer.connect();
  const directory = mkdtempSync(join(tmpdir(), 'assay-dead-letter-'));
  const keys = writeKeys(join(directory, 'keys.json'));
  const start = (instance: string, settings?: Record<string, string>) =>
    startReplica(database_url, kafka, directory, { ASSAY_INSTANCE: instance, ...tuning, ...settings });
  const service = await start('spec-1');
  const call: DeadLetterStage['call'] = async <T>(
    as: Caller | null,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const response = await fetch(service.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(as && { authorization: `Bearer ${keys[as]}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as T };
  };
  return {
    ...{ database, kafka, service, keys, call },
    send: async (...events) => {
      const messages = events.map((event) => ({
        topic: kafka.topic(event.type),
        messages: [{ key: event.key, value: event.data, headers: cloudEventHeaders(event, 'spec') }],
      }));
      await producer.sendBatch({ topicMessages: messages });
    },
    sendRaw: async (value) => {
      await producer.send({ topic: kafka.topic('stage.dead_lettered'), messages: [{ key: 'acme 1', value }] });
    },
    letterOf: async (subject_id) => {
      const [row] = await database.sql<{ id: string }>('SELECT id FROM dead_letters WHERE subject_id = $1', [
        subject_id,
      ]);
      return row ? (await call<LetterView>('every_source', `/v1/dead-letters/${row.id}`)).body : null;
    },
    replica: (differs) => start('spec-2', differs),
    close: async () => {
      await service.stop();
      await producer.disconnect();
      await kafka.close();
      await database.close();
      rmSync(directory, { recursive: true });
    },
  };
}

function writeKeys(path: string): Record<Caller, string> {
  const made = Object.entries(KEYS).map(([id, entry]) => ({ id, ...entry, ...newApiKey() }));
  writeFileSync(path, JSON.stringify({ keys: made.map(({ key: _, ...entry }) => entry) }));
  return Object.fromEntries(made.map(({ id, key }) => [id, key])) as Record<Caller, string>;
}

function startReplica(database_url: string, kafka: TestKafka, directory: string, differs: Record<string, string>) {
  const settings = readSettings(DEAD_LETTER_SETTINGS, {
    ASSAY_HTTP_HOST: '127.0.0.1',
    ...UNTHROTTLED,
    ASSAY_HTTP_PORT: '0',
    ASSAY_API_KEYS_FILE: join(directory, 'keys.json'),
    ASSAY_POSTGRES_URL: 'env:DATABASE_URL',
    DATABASE_URL: database_url,
    ASSAY_KAFKA_BROKERS: kafka.brokers,
    ASSAY_KAFKA_TOPIC_PREFIX: kafka.topic_prefix,
    ASSAY_KAFKA_GROUP: `${kafka.topic_prefix}-dead-letter`,
    ASSAY_KAFKA_SESSION_TIMEOUT_MS: '6000',
    ASSAY_KAFKA_FETCH_WAIT_MS: '50',
    ASSAY_LEASE_MS: '2000',
    ASSAY_SWEEP_INTERVAL_MS: '500',
    ASSAY_REPLAY_PLAN_ITEMS: '8',
    ASSAY_ARTEFACT_KEYS: 'env:ARTEFACT_KEYS',
    ARTEFACT_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
    ...differs,
  });
  return startService(
    { name: 'dead-letter', module: DeadLetterModule.register(settings), transport: kafkaTransport },
    settings,
  );
}

const INSTANT = '2026-01-02T03:04:05.678Z';
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

/** A delivery of a job of `acme` that failed for good, unless said otherwise. */
export function aFailure(differs: Partial<StageDeadLettered> = {}): StageDeadLettered {
  const cause = {
    stage: differs.stage ?? ('notify' as const),
    error_class: differs.error_class ?? ('RECIPIENT_INVALID' as const),
    code: differs.code ?? 'smtp_550',
  };
  return {
    ...{ job_id: v7(), source: 'acme', changelist_id: '1234', review_version: 1, generation: 0, revision: 2 },
    ...{ occurred_at: INSTANT, correlation_id: 'corr-1', subject_type: 'delivery', subject_id: v7() },
    ...cause,
    last_stack: 'Failure: the mailbox does not exist\n    at send (smtp.js:1:2)',
    sanitized_context: { attempts: 1, upstream_status: 550 },
    ...{ first_failure_at: INSTANT, last_failure_at: INSTANT },
    fingerprint: failureFingerprint(cause),
    summary: null,
    ...differs,
  };
}

export function failureEvent(data: StageDeadLettered): OutgoingEvent {
  return jobEvent('stage.dead_lettered', data, { subject: data.subject_id, traceparent: TRACEPARENT });
}

/** That the delivery of a failure has ended in `state`. */
export function aSettlement(
  { job_id, subject_id, ...failure }: StageDeadLettered,
  state: DeliverySettled['deliveries'][number]['state'],
  differs: Partial<DeliverySettled> = {},
): DeliverySettled {
  const { source, changelist_id, review_version, generation, revision, occurred_at, correlation_id } = failure;
  return {
    ...{ job_id: job_id!, source, changelist_id: changelist_id!, review_version: review_version!, generation },
    ...{ revision: revision + 1, occurred_at, correlation_id },
    summary: { open: 0, failed: 0, by_channel: {} },
    deliveries: [{ delivery_id: subject_id, channel: 'email', state, notification_id: null, notified_at: null }],
    ...differs,
  };
}

export function settledEvent(data: DeliverySettled): OutgoingEvent {
  return jobEvent('delivery.settled', data, { traceparent: TRACEPARENT });
}

/** A destination that fails; it belongs to no job and no source. */
export function aDestinationFailure(differs: Partial<StageDeadLettered> = {}): StageDeadLettered {
  return aFailure({
    ...{ job_id: null, source: '*', changelist_id: null, review_version: null, revision: 1 },
    ...{ subject_type: 'destination', error_class: 'DEPENDENCY_UNAVAILABLE', code: 'http_503' },
    ...differs,
  });
}

/** That the destination of a failure works again. */
export function recoveredEvent(
  { subject_type, subject_id, ...of }: StageDeadLettered,
  revision: number,
): OutgoingEvent {
  const { job_id, source, changelist_id, review_version, generation, occurred_at, correlation_id, stage } = of;
  const about = { job_id, source, changelist_id, review_version, generation, occurred_at, correlation_id, stage };
  const data = { ...about, revision, subject_type, subject_id, cause: 'delivered' };
  return jobEvent('stage.recovered', data, { subject: subject_id, traceparent: TRACEPARENT });
}

/** That the job of a failure has ended, under a revision of ingest's. */
export function endOf(failure: StageDeadLettered, differs: Partial<ReviewSettled>): ReviewSettled {
  const { job_id, source, changelist_id, review_version, generation, occurred_at, correlation_id } = failure;
  return {
    ...{ job_id: job_id!, source, changelist_id: changelist_id!, review_version: review_version!, generation },
    ...{ revision: 2, occurred_at, correlation_id, state: 'failed', counts: null, deliveries: {}, given_up: false },
    links: { job: '/v1/reviews/x', findings: '/v1/reviews/x/findings' },
    ...differs,
  };
}

/** An event as a consumer gets it. */
export function received<T extends EventData>(type: ReceivedEvent['type'], data: T): ReceivedEvent<T> {
  return {
    ...{ type, id: 'id', subject: 'subject', time: data.occurred_at, key: `${data.source} ${data.changelist_id}` },
    ...{ correlation_id: data.correlation_id, traceparent: TRACEPARENT, data, bytes: Buffer.alloc(0) },
    ...{ topic: 'topic', partition: 0, offset: '0', possibly_redelivered: false },
  };
}
