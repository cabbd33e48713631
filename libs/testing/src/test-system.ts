import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import type { Behaviour, ReceivedChat, ReceivedMail, ReceivedWebhook } from '../../../infra/local/sink-types.js';
import { StackHost } from '../../../infra/local/host-client.js';
import type { InfrastructureAddress } from '../../../infra/local/infrastructure.js';
import { OwnedProcesses } from '../../../infra/local/owned-processes.js';
import { DATABASE_SERVICES } from '../../../infra/local/postgres.js';
import type { Role } from '../../../infra/local/secrets.js';
import type { ServiceSettings } from '../../../infra/local/service-environment.js';
import { schemaOf, SERVICES } from '../../../infra/local/service-names.js';
import type { ServiceName } from '../../../infra/local/service-names.js';
import { LocalServices } from '../../../infra/local/services.js';
import { PostgresProxy } from './postgres-proxy.js';
import { testDatabase } from './test-database.js';
import { testRun } from './test-run.js';
import type { TestRun } from './test-run.js';

export interface TestSystemOptions {
  /** Of each service. */
  replicas?: number;
  /**
   * A Kafka and a Postgres of its own, durable, which it may restart ({@link TestSystem.host}); without it the run's
   * shared ones, with a database and topics of its own.
   */
  own_stack?: boolean;
  /** Servers of the test's own, which ends them, instead of the run's shared ones. */
  at?: ServersOfTest;
  /** The services reach Postgres by way of proxies ({@link TestSystem.proxies}); whoever else asks it goes straight. */
  proxies?: boolean;
  /** Further settings by variable, for all services or for one. */
  tuning?: ServiceSettings['tuning'];
  /** Where nothing but a stack of its own is wanted, outside a test run. */
  run?: Pick<TestRun, 'build' | 'log_directory'>;
  /** How many mails and webhooks the sinks keep. */
  sink_records?: number;
  progress?: (line: string) => void;
}

/** Who makes roles, or a broker that lets in by login, says where the services find them and under which prefix. */
export interface ServersOfTest {
  brokers?: string;
  topic_prefix?: string;
  /** With a database in which the roles have their schemas. */
  postgres_urls?: InfrastructureAddress['postgres']['urls'];
}

/** What the sinks got. */
export interface Sinks {
  mails(): Promise<ReceivedMail[]>;
  webhooks(): Promise<ReceivedWebhook[]>;
  /** What stands in chats. */
  messages(): Promise<ReceivedChat[]>;
  /** How many have come, whatever is kept of them. */
  totals(): Promise<{ mails: number; webhooks: number }>;
  /** `smtp`, `mail_api:<service>`, `slack:<hook>`; anything else is a webhook endpoint. */
  behave(receiver: string, behaviour: Behaviour): Promise<void>;
}

/** The four services as processes, with the receivers they send to. */
export interface TestSystem {
  readonly services: LocalServices;
  /** Present with `own_stack`. */
  readonly host: StackHost | null;
  /** Present with `proxies`: what lies between each service, all its replicas, and Postgres. */
  readonly proxies: Record<ServiceName, PostgresProxy> | null;
  /** Of Kafka and Postgres themselves, whatever lies between. */
  readonly address: InfrastructureAddress;
  readonly topic_prefix: string;
  readonly log_directory: string;
  readonly sinks: Sinks;
  /** A plain Kafka client, outside our code. */
  readonly kafka: Kafka;
  /** Asks a service's first replica, or the one given, under a role's key; `other_submitter` is a second source. */
  call(path: string, options?: CallOptions): Promise<{ status: number; headers: Headers; body: unknown }>;
  close(): Promise<void>;
}

export interface CallOptions {
  /** Base URL; the first replica of ingest where none is given. */
  url?: string;
  as?: Role | 'other_submitter';
  /** An API key, instead of a role's. */
  key?: string;
  signal?: AbortSignal;
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

interface Ground {
  address: InfrastructureAddress;
  host: StackHost | null;
  close: () => Promise<void>;
}

/** Kafka and Postgres for one system, of its own, of the test's or a database of the shared ones. */
async function prepareGround(
  { own_stack = false, at = {} }: TestSystemOptions,
  build: string,
  log_directory: string,
): Promise<Ground> {
  if (own_stack) {
    const options = { services: null, durable: true, log_directory };
    const host = await StackHost.launch(build, options, () => undefined);
    return { address: host.address, host, close: () => host.stop() };
  }
  const shared = testRun().address;
  const kafka = { ...shared.kafka, brokers: at.brokers ?? shared.kafka.brokers };
  if (at.postgres_urls) {
    const postgres = { ...shared.postgres, urls: at.postgres_urls };
    return { address: { ...shared, kafka, postgres }, host: null, close: () => Promise.resolve() };
  }
  const database = await testDatabase('ingest');
  const urls = Object.fromEntries(DATABASE_SERVICES.map((service) => [service, database.roleUrl(service)]));
  const postgres = { ...shared.postgres, urls: urls as InfrastructureAddress['postgres']['urls'] };
  return { address: { ...shared, kafka, postgres }, host: null, close: () => database.close() };
}

/** One for each service, on the same server: it may restart behind them, for it keeps its port. */
async function startProxies({ postgres }: InfrastructureAddress): Promise<Record<ServiceName, PostgresProxy>> {
  const started = SERVICES.map(async (service) => [service, await PostgresProxy.start(postgres.admin_url)] as const);
  return Object.fromEntries(await Promise.all(started)) as Record<ServiceName, PostgresProxy>;
}

/** What the services are told: each goes by way of its proxy. */
function throughProxies(address: InfrastructureAddress, proxies: TestSystem['proxies']): InfrastructureAddress {
  if (proxies === null) return address;
  const { urls } = address.postgres;
  const by_way = SERVICES.map((service) => [schemaOf(service), proxies[service].url(urls[schemaOf(service)])] as const);
  return { ...address, postgres: { ...address.postgres, urls: Object.fromEntries(by_way) as typeof urls } };
}

function sinksAt(control_port: number): Sinks {
  const control = `http://127.0.0.1:${control_port}`;
  const read = async <T>(noun: string): Promise<T> => (await fetch(`${control}/${noun}`)).json() as Promise<T>;
  return {
    mails: async () => (await read<{ mails: ReceivedMail[] }>('mails')).mails,
    webhooks: async () => (await read<{ webhooks: ReceivedWebhook[] }>('webhooks')).webhooks,
    messages: async () => (await read<{ messages: ReceivedChat[] }>('slack')).messages,
    totals: () => read('totals'),
    behave: async (receiver, behaviour) => {
      await fetch(`${control}/behaviour/${receiver}`, { method: 'PUT', body: JSON.stringify(behaviour) });
    },
  };
}

function caller(services: LocalServices): TestSystem['call'] {
  return async (path, { url, as = 'submitter', key, method, headers = {}, body, signal } = {}) => {
    const { keys, source_keys } = services.secrets;
    const bearer = key ?? (as === 'other_submitter' ? source_keys.other.submitter : keys[as]);
    const response = await fetch(`${url ?? services.of('ingest')[0]?.url}${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
  };
}

function plainKafka(broker: string, client_id: string): Kafka {
  return new Kafka({
    brokers: [broker],
    clientId: client_id,
    logLevel: logLevel.NOTHING,
    // A test that restarts Kafka goes on with this client.
    retry: { initialRetryTime: 300, maxRetryTime: 1_000, retries: 60 },
  });
}

/** Starts everything that a submission passes through; takes some 10 s, or 15 with a stack of its own. */
export async function startSystem(options: TestSystemOptions = {}): Promise<TestSystem> {
  const { progress = () => undefined, replicas, run = testRun(), sink_records, tuning } = options;
  const topic_prefix = options.at?.topic_prefix ?? `s${randomBytes(6).toString('hex')}`;
  const log_directory = join(run.log_directory, topic_prefix);
  const state_directory = await mkdtemp(join(tmpdir(), 'assay-system-'));
  const ground = await prepareGround(options, run.build, log_directory);
  const proxies = options.proxies ? await startProxies(ground.address) : null;
  const processes = new OwnedProcesses(run.build);
  processes.ownDirectory(state_directory);
  const services = new LocalServices({
    build: run.build,
    processes,
    infrastructure: throughProxies(ground.address, proxies),
    state_directory,
    log_directory,
    topic_prefix,
    replicas,
    tuning,
    sink_records,
    progress,
  });
  const close = async (): Promise<void> => {
    await services.stop();
    await processes.stopAll();
    await processes.release();
    await Promise.all(Object.values(proxies ?? {}).map((proxy) => proxy.close()));
    await ground.close();
    await rm(state_directory, { recursive: true, force: true });
  };
  try {
    await services.start();
  } catch (error) {
    await close();
    throw error;
  }
  const { address, host } = ground;
  const kafka = plainKafka(address.kafka.brokers, topic_prefix);
  const sinks = sinksAt(services.sink_ports.control_port);
  return { services, host, proxies, address, topic_prefix, log_directory, sinks, kafka, call: caller(services), close };
}
