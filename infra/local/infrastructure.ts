import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalKafka } from './kafka.js';
import { OwnedProcesses } from './owned-processes.js';
import { freePorts } from './ports.js';
import { DATABASE_SERVICES, type DatabaseService, LocalPostgres, type PostgresSettings } from './postgres.js';
import { temporaryRoot } from './postgres-installation.js';
import { makeSecureAccess, type SecureAccess } from './secure-access.js';

export interface InfrastructureOptions {
  /** The directory that the repository was built into. */
  build: string;
  /** Logs of Kafka and Postgres. */
  log_directory: string;
  durable: boolean;
  postgres_settings?: PostgresSettings;
  /** Services get in by TLS and login alone. */
  secure?: boolean;
  /** A free port is taken where none is given. */
  kafka_port?: number;
  postgres_port?: number;
  progress: (line: string) => void;
}

/** What a client of the stack needs to reach Kafka and Postgres. */
export interface InfrastructureAddress {
  /** Kafka's and Postgres' data, which goes with them. */
  data_directory: string;
  kafka: { brokers: string; pid: number };
  postgres: { admin_url: string; urls: Record<DatabaseService, string>; pid: number };
  /** How services get in where they are asked for TLS and a login; what is said above of Kafka is then for others. */
  secure: Pick<SecureAccess, 'brokers' | 'environments'> | null;
}

/** Real Kafka and real Postgres, their data in one temporary directory that goes with them. */
export class Infrastructure {
  readonly processes: OwnedProcesses;
  kafka: LocalKafka;
  postgres: LocalPostgres;
  #directory: string | undefined;
  #access: SecureAccess | null = null;

  constructor(private readonly options: InfrastructureOptions) {
    this.processes = new OwnedProcesses(options.build);
  }

  async start(): Promise<void> {
    const { durable, log_directory, postgres_settings, progress } = this.options;
    await mkdir(log_directory, { recursive: true });
    const directory = await mkdtemp(join(await temporaryRoot(), 'assay-stack-'));
    this.#directory = directory;
    this.processes.ownDirectory(directory);
    // mkdtemp makes it 0700, and Postgres may have to run as another user than this one.
    await chmod(directory, 0o755);
    const [kafka_port, controller_port, postgres_port, secure_port] = await freePorts(4);
    if (this.options.secure) this.#access = await makeSecureAccess(join(directory, 'access'), secure_port!);
    this.kafka = new LocalKafka(this.processes, {
      directory: join(directory, 'kafka'),
      log_file: join(log_directory, 'kafka.log'),
      port: this.options.kafka_port ?? kafka_port ?? 0,
      controller_port: controller_port ?? 0,
      security: this.#access?.broker,
      progress,
    });
    this.postgres = new LocalPostgres(this.processes, {
      directory: join(directory, 'postgres'),
      log_file: join(log_directory, 'postgres.log'),
      port: this.options.postgres_port ?? postgres_port ?? 0,
      durable,
      settings: postgres_settings,
      tls: this.#access ? { ...this.#access.postgres, ca_file: this.#access.ca_file } : undefined,
    });
    // Both to their end, even when one fails: nothing may still be writing when the directory is removed.
    const ends = await Promise.allSettled([this.#startKafka(), this.#startPostgres()]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  address(): InfrastructureAddress {
    const urls = DATABASE_SERVICES.map((service) => [service, this.postgres.url(service)] as const);
    return {
      data_directory: this.#directory ?? '',
      kafka: { brokers: this.kafka.brokers, pid: this.kafka.pid ?? 0 },
      postgres: {
        admin_url: this.postgres.adminUrl(),
        urls: Object.fromEntries(urls) as Record<DatabaseService, string>,
        pid: this.postgres.pid ?? 0,
      },
      secure: this.#access && { brokers: this.#access.brokers, environments: this.#access.environments },
    };
  }

  /** Stops everything and removes its data. Nothing here is kept, so Kafka is not asked to leave in order. */
  async stop(): Promise<void> {
    this.processes.close();
    await Promise.all([this.kafka?.dispose(), this.postgres?.stop()]);
    await this.processes.stopAll();
    if (this.#directory !== undefined) this.processes.removeDirectory(this.#directory);
    await this.processes.release();
  }

  async #startKafka(): Promise<void> {
    await this.kafka.prepare();
    this.options.progress('starting Kafka');
    await this.kafka.start();
  }

  async #startPostgres(): Promise<void> {
    this.options.progress('starting Postgres');
    await this.postgres.prepare();
    await this.postgres.start();
    await this.postgres.createDatabase();
  }
}
