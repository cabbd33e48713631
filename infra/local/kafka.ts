import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { findKafka, type KafkaInstallation } from './kafka-installation.js';
import type { OwnedProcess, OwnedProcesses } from './owned-processes.js';

const run = promisify(execFile);
const START_LIMIT_MS = 120_000;
const POLL_MS = 100;

export interface LocalKafkaOptions {
  directory: string;
  log_file: string;
  port: number;
  controller_port: number;
  /** Further listeners, which ask for TLS or a login; with Java alone. */
  security?: BrokerSecurity;
  progress: (line: string) => void;
}

export interface BrokerSecurity {
  /** By name, beside `PLAINTEXT` and `CONTROLLER`, which stay as they are. */
  listeners: Readonly<Record<string, { port: number; protocol: 'SSL' | 'SASL_SSL' | 'SASL_PLAINTEXT' }>>;
  properties: Readonly<Record<string, string>>;
  /** For the storage tool: `--add-scram …`. */
  format_args: readonly string[];
  jvm_args: readonly string[];
}

/** One real broker and controller in one process (KRaft), for tests, the demo and the local stack. */
export class LocalKafka {
  readonly brokers: string;
  #installation: KafkaInstallation;
  #process: OwnedProcess | undefined;
  /** A container exists, and outlives its stop: the data of a restart is in it. */
  #created = false;
  readonly #container = `assay-kafka-${randomBytes(6).toString('hex')}`;

  constructor(
    private readonly processes: OwnedProcesses,
    private readonly options: LocalKafkaOptions,
  ) {
    this.brokers = `127.0.0.1:${options.port}`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async prepare(): Promise<void> {
    this.#installation = await findKafka(this.processes, this.options);
    if (this.#installation.kind === 'docker') {
      if (this.options.security)
        throw new Error('a Kafka with TLS and logins runs with Java 17 and Maven, not by Docker');
      return;
    }
    await mkdir(this.options.directory, { recursive: true });
    await writeFile(this.#propertiesFile, propertyLines(this.#properties()).join('\n'));
    const format = ['-cp', this.#installation.class_path, 'kafka.tools.StorageTool', 'format', '-t', clusterId()];
    await this.processes.run({
      name: "Kafka's storage tool",
      command: 'java',
      args: [
        ...[...SMALL_JVM, ...format, '-c', this.#propertiesFile, '--ignore-formatted'],
        ...(this.options.security?.format_args ?? []),
      ],
      env: process.env,
      log_file: this.options.log_file,
    });
  }

  /** Starts, or starts again with the same data and port; resolves when the broker answers a client. */
  async start(): Promise<void> {
    const { command, args } = this.#commandLine();
    this.#process = await this.processes.start({
      name: 'kafka',
      command,
      args,
      env: process.env,
      cwd: process.cwd(),
      log_file: this.options.log_file,
      // When the whole stack goes, so does its data: there is nothing to leave in order.
      stop_signal: 'SIGKILL',
    });
    await this.#untilItAnswers(this.#process);
  }

  /** Stops for good: nothing of it is kept. */
  async dispose(): Promise<void> {
    await this.stop('SIGKILL');
    if (this.#created) await run('docker', ['rm', '-f', '-v', this.#container]).catch(() => undefined);
  }

  /** SIGTERM leaves the group of brokers in order (a second or two); SIGKILL is what a test of crashes wants. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#process === undefined) return;
    if (this.#installation.kind === 'docker') await this.#dockerStop(signal);
    await this.#process.stop(signal, 15_000);
  }

  get #propertiesFile(): string {
    return join(this.options.directory, 'server.properties');
  }

  #properties(): Record<string, string | number | boolean> {
    const { port, controller_port, directory, security } = this.options;
    const further = Object.entries(security?.listeners ?? {});
    const clients = [`PLAINTEXT://127.0.0.1:${port}`, ...further.map(([name, at]) => `${name}://127.0.0.1:${at.port}`)];
    const protocols = further.map(([name, { protocol }]) => `${name}:${protocol}`);
    return {
      ...KRAFT_SINGLE_NODE,
      'listener.security.protocol.map': ['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT', ...protocols].join(','),
      'controller.quorum.voters': `1@127.0.0.1:${controller_port}`,
      listeners: [...clients, `CONTROLLER://127.0.0.1:${controller_port}`].join(','),
      'advertised.listeners': clients.join(','),
      'log.dirs': join(directory, 'data'),
      ...security?.properties,
    };
  }

  /** Runs a Java source file beside the broker's own classes. */
  async runJava(source_file: string, args: readonly string[]): Promise<void> {
    if (this.#installation.kind !== 'java') throw new Error('there is no Java');
    await this.processes.run({
      name: source_file,
      command: 'java',
      args: [...SMALL_JVM, '-cp', this.#installation.class_path, source_file, ...args],
      env: process.env,
      log_file: this.options.log_file,
    });
  }

  #commandLine(): { command: string; args: string[] } {
    const installation = this.#installation;
    if (installation.kind === 'java') {
      const jvm = [...JVM, ...(this.options.security?.jvm_args ?? [])];
      const args = [...jvm, '-cp', installation.class_path, 'kafka.Kafka', this.#propertiesFile];
      return { command: 'java', args };
    }
    const { port, controller_port } = this.options;
    const settings: Record<string, string | number | boolean> = {
      ...KRAFT_SINGLE_NODE,
      'controller.quorum.voters': `1@127.0.0.1:${controller_port}`,
      listeners: `PLAINTEXT://0.0.0.0:${port},CONTROLLER://127.0.0.1:${controller_port}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    };
    const environment = Object.entries(settings).flatMap(([key, value]) => ['-e', `${environmentName(key)}=${value}`]);
    const reach = ['-p', `127.0.0.1:${port}:${port}`, '--name', this.#container];
    if (this.#created) return { command: 'docker', args: ['start', '-a', this.#container] };
    this.#created = true;
    this.processes.ownContainer(this.#container);
    return { command: 'docker', args: ['run', ...reach, ...environment, installation.image] };
  }

  async #dockerStop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await run('docker', ['kill', '--signal', signal, this.#container]).catch(() => undefined);
  }

  async #untilItAnswers(process: OwnedProcess): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (performance.now() < deadline) {
      if (!process.running) throw new Error(`Kafka ended while starting; see ${this.options.log_file}`);
      if ((await accepts(this.options.port)) && (await describesItself(this.brokers))) return;
      await delay(POLL_MS);
    }
    throw new Error(`Kafka did not answer within ${START_LIMIT_MS / 1000} s; see ${this.options.log_file}`);
  }
}

const SMALL_JVM = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const JVM = [
  '-Xms256m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
];

/** Every internal topic has one replica; groups form at once; a topic that nobody created does not exist. */
const KRAFT_SINGLE_NODE: Record<string, string | number | boolean> = {
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 4,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 1000,
  // A broker that was killed may register again only when its old session is over: 3 s instead of 9 for a restart.
  'broker.session.timeout.ms': 3000,
  'broker.heartbeat.interval.ms': 500,
  'auto.create.topics.enable': false,
  // Tests make hundreds of small partitions: 1 MiB of index each instead of 10.
  'log.index.size.max.bytes': 1024 * 1024,
};

function propertyLines(properties: Record<string, string | number | boolean>): string[] {
  return Object.entries(properties).map(([key, value]) => `${key}=${value}`);
}

/** How the official image spells a property: `log.dirs` is KAFKA_LOG_DIRS. */
function environmentName(property: string): string {
  return `KAFKA_${property.toUpperCase().replaceAll('.', '_')}`;
}

/** Kafka spells a cluster's UUID in 22 characters of URL-safe base64, and refuses a leading dash. */
function clusterId(): string {
  const bytes = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
  return bytes.toString('base64url').replace(/^-/, 'A');
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function describesItself(brokers: string): Promise<boolean> {
  const retry = { retries: 0 };
  const admin = new Kafka({ brokers: [brokers], clientId: 'stack', logLevel: logLevel.NOTHING, retry }).admin();
  try {
    await admin.connect();
    const cluster = await admin.describeCluster();
    return cluster.brokers.length > 0;
  } catch {
    return false;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
