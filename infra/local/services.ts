import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { InfrastructureAddress } from './infrastructure.js';
import type { OwnedProcess, OwnedProcesses } from './owned-processes.js';
import { freePorts } from './ports.js';
import { type SinkAccess, type StackSecrets, writeSecrets, writeSinkSecrets } from './secrets.js';
import { serviceEnvironment, type ServiceSettings } from './service-environment.js';
import { type ServiceName, SERVICES } from './service-names.js';
import type { SinkPorts } from './sink-types.js';
import { writeAllowList, writeNotifierConfig } from './stack-configuration.js';

const READY_LIMIT_MS = 60_000;
const POLL_MS = 50;
/** A service that ends by itself is started again, as a cluster would; not at once, lest a fault at start spins. */
const RESTART_AFTER_MS = 500;
const LOG_TAIL_BYTES = 2_000;

export interface ServicesOptions {
  /** The directory that the repository was built into. */
  build: string;
  processes: OwnedProcesses;
  infrastructure: InfrastructureAddress;
  /** Secrets and configuration files are written here. */
  state_directory: string;
  log_directory: string;
  topic_prefix: string;
  /** By service, of the first replica; free ones where none is given. */
  http_ports?: Partial<Record<ServiceName, number>>;
  sink_ports?: SinkPorts;
  /** Of the records that the sinks keep of each kind; see infra/local/sinks.ts. */
  sink_records?: number;
  replicas?: number;
  tuning?: ServiceSettings['tuning'];
  /** A providers file whose members stand in place of those of the stack's own. */
  providers_file?: string;
  /** Of every replica from its first start on; see {@link Replica.node_args}. */
  node_args?: readonly string[];
  progress: (line: string) => void;
}

/** One replica of one service. */
export interface Replica {
  readonly service: ServiceName;
  readonly instance: string;
  readonly url: string;
  /** Where it answers `/livez`, `/readyz` and `/metrics`. */
  readonly probes_url: string;
  readonly log_file: string;
  /** Arguments to Node beside the usual ones, from its next start on: a shifted clock, for instance. */
  node_args: readonly string[];
  process: OwnedProcess;
}

interface Place {
  service: ServiceName;
  number: number;
  port: number;
  probe_port: number;
}

/** The four services, each replica a process of its own, with the receivers they send to (infra/local/sinks.ts). */
export class LocalServices {
  readonly replicas: Replica[] = [];
  secrets: StackSecrets;
  sink_ports: SinkPorts;
  #settings: ServiceSettings;
  #sink_access: SinkAccess;
  #sinks: OwnedProcess;
  #stopping = false;
  /** Replicas that were ended to be started again, which needs no pause. */
  readonly #reloading = new Set<Replica>();

  constructor(private readonly options: ServicesOptions) {}

  get providers_file(): string | null {
    return this.options.providers_file ?? null;
  }

  get sinks_pid(): number {
    return this.#sinks.pid;
  }

  /** Configures, creates topics and tables, starts everything; resolves when every replica says that it is ready. */
  async start(): Promise<void> {
    const { progress } = this.options;
    await mkdir(this.options.log_directory, { recursive: true });
    const places = await this.#configure();
    progress('creating topics and tables');
    await this.#prepareStores();
    progress('starting mail server, mail services, chat and webhook receivers');
    await this.#startSinks();
    progress('starting the four services');
    await Promise.all(places.map((place) => this.#startReplica(place)));
  }

  /** The replicas first, so that nothing sends to a sink that has gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.replicas.map((replica) => replica.process.stop('SIGTERM', 15_000)));
    await this.#sinks?.stop();
  }

  /** The replicas of a service, in order of their numbers. */
  of(service: ServiceName): Replica[] {
    return this.replicas.filter((replica) => replica.service === service);
  }

  /** Ends a replica and starts it again under the same name and port; resolves when it is ready. */
  async restart(replica: Replica, signal: NodeJS.Signals): Promise<void> {
    await replica.process.stop(signal, 15_000);
    await this.untilReady(replica);
  }

  /** Ends every replica of a service and starts it again at once, as it is built now. */
  async reload(service: ServiceName): Promise<void> {
    await Promise.all(
      this.of(service).map((replica) => {
        this.#reloading.add(replica);
        return this.restart(replica, 'SIGTERM');
      }),
    );
  }

  async untilReady(replica: Replica): Promise<void> {
    const deadline = performance.now() + READY_LIMIT_MS;
    while (performance.now() < deadline) {
      const ready = await fetch(`${replica.probes_url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (ready) return;
      await delay(POLL_MS);
    }
    throw new Error(`not ready within ${READY_LIMIT_MS / 1000} s: ${await this.#lastWords(replica)}`);
  }

  async #lastWords({ instance, log_file }: Replica): Promise<string> {
    const tail = (await readFile(log_file, 'utf8')).slice(-LOG_TAIL_BYTES);
    return `${instance} did not come up; the end of ${log_file}:\n${tail}`;
  }

  async #configure(): Promise<Place[]> {
    const { http_ports = {}, infrastructure, replicas = 1, sink_ports, state_directory, topic_prefix } = this.options;
    this.secrets = await writeSecrets(join(state_directory, 'secrets'), infrastructure.postgres.urls);
    this.#sink_access = await writeSinkSecrets(join(state_directory, 'secrets'));
    const [smtp_port, webhook_port, control_port, ...free] = await freePorts(3 + 2 * SERVICES.length * replicas);
    this.sink_ports = sink_ports ?? {
      smtp_port: smtp_port ?? 0,
      webhook_port: webhook_port ?? 0,
      control_port: control_port ?? 0,
    };
    const places = SERVICES.flatMap((service) =>
      Array.from({ length: replicas }, (_, index) => ({
        service,
        number: index + 1,
        port: (index === 0 ? http_ports[service] : undefined) ?? free.pop() ?? 0,
        probe_port: free.pop() ?? 0,
      })),
    );
    const urlOf = (service: ServiceName): string => {
      const first = places.find((place) => place.service === service && place.number === 1);
      return `http://127.0.0.1:${first?.port}`;
    };
    this.#settings = {
      brokers: infrastructure.secure?.brokers ?? infrastructure.kafka.brokers,
      kafka_logins: infrastructure.secure?.environments,
      topic_prefix,
      secrets: this.secrets,
      allow_list_file: await writeAllowList(state_directory),
      notifier_config_file: await writeNotifierConfig(
        state_directory,
        this.sink_ports,
        this.secrets,
        this.#sink_access,
        this.options.providers_file,
      ),
      links: { ingest: urlOf('ingest'), validator: urlOf('validator') },
      tuning: this.options.tuning ?? {},
    };
    return places;
  }

  /** Runs the same commands that a deployment's Jobs run: topics once, migrations per service. */
  async #prepareStores(): Promise<void> {
    const migrations = SERVICES.map((service) => this.#command(service, 'migrate'));
    await Promise.all([this.#command('ingest', 'topics'), ...migrations]);
  }

  async #command(service: ServiceName, name: string): Promise<void> {
    const script = join(this.options.build, 'bin', service, `${name}.js`);
    const principal = name === 'topics' ? name : service;
    const env = serviceEnvironment(service, this.#settings, { instance: `${service}-${name}`, principal });
    const log_file = join(this.options.log_directory, `${service}-${name}.log`);
    const command = { command: process.execPath, args: [script], env, log_file };
    await this.options.processes.run({ name: `the command ${service} ${name}`, ...command });
  }

  async #startSinks(): Promise<void> {
    this.#sinks = await this.options.processes.start({
      name: 'sinks',
      command: process.execPath,
      args: [
        join(this.options.build, 'infra', 'local', 'sinks.js'),
        JSON.stringify({
          ...this.sink_ports,
          kept: this.options.sink_records,
          secrets_file: this.#sink_access.files.sinks,
        }),
      ],
      log_file: join(this.options.log_directory, 'sinks.log'),
    });
    const url = `http://127.0.0.1:${this.sink_ports.control_port}/mails`;
    while (
      !(await fetch(url).then(
        (answer) => answer.ok,
        () => false,
      ))
    ) {
      if (!this.#sinks.running) throw new Error('the receivers ended while starting');
      await delay(POLL_MS);
    }
  }

  async #startReplica({ service, number, port, probe_port }: Place): Promise<void> {
    const instance = `${service}-${number}`;
    const log_file = join(this.options.log_directory, `${instance}.log`);
    const start = (node_args: readonly string[]): Promise<OwnedProcess> =>
      this.options.processes.start({
        name: instance,
        command: process.execPath,
        args: ['--enable-source-maps', ...node_args, join(this.options.build, 'bin', `${service}.js`)],
        env: serviceEnvironment(service, this.#settings, { instance, ports: { http: port, probes: probe_port } }),
        log_file,
      });
    const [url, probes_url] = [port, probe_port].map((each) => `http://127.0.0.1:${each}`) as [string, string];
    const { node_args = [] } = this.options;
    const replica: Replica = {
      service,
      instance,
      url,
      probes_url,
      log_file,
      node_args,
      process: await start(node_args),
    };
    this.replicas.push(replica);
    // One that ends before it was ever ready would end again: say what it said instead of trying for a minute.
    const ended = replica.process.exited.then(async () => Promise.reject(new Error(await this.#lastWords(replica))));
    await Promise.race([this.untilReady(replica), ended]);
    void this.#keepRunning(replica, start);
  }

  async #keepRunning(replica: Replica, start: (node_args: readonly string[]) => Promise<OwnedProcess>): Promise<void> {
    for (;;) {
      await replica.process.exited;
      if (this.#stopping) return;
      if (!this.#reloading.delete(replica)) await delay(RESTART_AFTER_MS);
      if (this.#stopping) return;
      replica.process = await start(replica.node_args);
    }
  }
}
