import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { OwnedProcess, OwnedProcesses } from './owned-processes.js';
import { findPostgres, type PostgresInstallation } from './postgres-installation.js';
import { repositoryRoot } from './repository.js';

const START_LIMIT_MS = 60_000;
const POLL_MS = 25;

export const DATABASE_SERVICES = ['ingest', 'validator', 'notifier', 'dead_letter'] as const;
export type DatabaseService = (typeof DATABASE_SERVICES)[number];

/** Of the server, by name. */
export type PostgresSettings = Readonly<Record<string, string | number>>;

export interface LocalPostgresOptions {
  directory: string;
  log_file: string;
  port: number;
  /** False only where a machine that dies may lose everything: tests that restart nothing. */
  durable: boolean;
  /** Beside {@link SETTINGS}, or instead of them. */
  settings?: PostgresSettings;
  /** What it shows to whom asks for TLS; services must. */
  tls?: ServerTls;
}

export interface ServerTls {
  /** PEM, both. */
  key: string;
  cert: string;
  /** The authority that signed it, for those who connect. */
  ca_file: string;
}

/** One real PostgreSQL 18 with the database `assay`: a role and a schema per service (infra/postgres). */
export class LocalPostgres {
  readonly passwords: Record<DatabaseService | 'postgres', string>;
  #installation: PostgresInstallation;
  #process: OwnedProcess | undefined;

  constructor(
    private readonly processes: OwnedProcesses,
    private readonly options: LocalPostgresOptions,
  ) {
    const random = (): string => randomBytes(18).toString('base64url');
    const [ingest, validator, notifier, dead_letter] = [random(), random(), random(), random()];
    this.passwords = { postgres: random(), ingest, validator, notifier, dead_letter };
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Of the superuser, for tests and for making databases. */
  adminUrl(database = 'assay'): string {
    return `postgres://postgres:${this.passwords.postgres}@127.0.0.1:${this.options.port}/${database}`;
  }

  /** Of one service's role. */
  url(service: DatabaseService, database = 'assay'): string {
    const { port, tls } = this.options;
    const verified = tls === undefined ? '' : `?sslmode=verify-full&sslrootcert=${encodeURIComponent(tls.ca_file)}`;
    return `postgres://assay_${service}:${this.passwords[service]}@127.0.0.1:${port}/${database}${verified}`;
  }

  async prepare(): Promise<void> {
    const { directory } = this.options;
    await mkdir(directory, { recursive: true });
    this.#installation = await findPostgres(directory);
    const { account, initdb } = this.#installation;
    const home = join(directory, 'home');
    await mkdir(home);
    const password_file = join(home, 'password');
    await writeFile(password_file, this.passwords.postgres, { mode: 0o600 });
    if (account) for (const path of [home, password_file]) await chown(path, account.uid, account.gid);
    const settings = ['-U', 'postgres', '--encoding=UTF8', '--locale=C', '--auth=scram-sha-256', '--no-sync'];
    const place = ['-D', join(home, 'data'), `--pwfile=${password_file}`];
    await this.processes.run({
      name: 'initdb',
      command: initdb,
      args: [...place, ...settings],
      cwd: home,
      env: POSTGRES_ENVIRONMENT,
      log_file: this.options.log_file,
      ...account,
    });
    if (this.options.tls) await this.#askForTls(home, this.options.tls);
  }

  /** Of everybody but the superuser, who is the stack's own. */
  async #askForTls(home: string, { key, cert }: ServerTls): Promise<void> {
    const { account } = this.#installation;
    for (const [name, content] of Object.entries({ 'server.key': key, 'server.crt': cert })) {
      const path = join(home, name);
      await writeFile(path, content, { mode: 0o600 });
      if (account) await chown(path, account.uid, account.gid);
    }
    await writeFile(join(home, 'data', 'pg_hba.conf'), TLS_OR_SUPERUSER);
  }

  /** Starts, or starts again with the same data and port; resolves when it takes connections. */
  async start(): Promise<void> {
    const { directory, durable, log_file, port } = this.options;
    const home = join(directory, 'home');
    const tls = this.options.tls && {
      ...{ ssl: 'on', ssl_key_file: join(home, 'server.key'), ssl_cert_file: join(home, 'server.crt') },
    };
    const settings = { ...SETTINGS, ...(durable ? {} : FAST_AND_FORGETFUL), ...tls, ...this.options.settings, port };
    this.#process = await this.processes.start({
      name: 'postgres',
      command: this.#installation.postgres,
      args: [
        '-D',
        join(home, 'data'),
        ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ],
      cwd: home,
      env: POSTGRES_ENVIRONMENT,
      log_file,
      // Its fast shutdown; to SIGTERM it would wait until every client has gone.
      stop_signal: 'SIGINT',
      ...this.#installation.account,
    });
    await this.#untilItAnswers(this.#process);
  }

  /** SIGINT is Postgres' fast shutdown; SIGQUIT its crash, after which it recovers from its log. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    await this.#process?.stop(signal, 15_000);
  }

  /** The database `assay`, the roles with their passwords, the schemas. */
  async createDatabase(): Promise<void> {
    const [roles, schemas] = await Promise.all(['roles.sql', 'schemas.sql'].map(readSql));
    await this.#asAdmin('postgres', [roles ?? '', 'CREATE DATABASE assay']);
    const passwords = DATABASE_SERVICES.map((each) => `ALTER ROLE assay_${each} PASSWORD '${this.passwords[each]}'`);
    await this.#asAdmin('assay', [schemas ?? '', ...passwords]);
  }

  async #asAdmin(database: string, statements: string[]): Promise<void> {
    const client = new Client({ connectionString: this.adminUrl(database) });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  async #untilItAnswers(process: OwnedProcess): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (performance.now() < deadline) {
      if (!process.running) throw new Error(`Postgres ended while starting; see ${this.options.log_file}`);
      const failure = await this.#asAdmin('postgres', []).catch((error: unknown) => error);
      if (failure === undefined) return;
      await delay(POLL_MS);
    }
    throw new Error(`Postgres did not answer within ${START_LIMIT_MS / 1000} s; see ${this.options.log_file}`);
  }
}

const TLS_OR_SUPERUSER = `
hostssl all all 127.0.0.1/32 scram-sha-256
hostnossl all postgres 127.0.0.1/32 scram-sha-256
`;

/** Nothing of the caller's environment: PG* variables would change what the server does. */
const POSTGRES_ENVIRONMENT: NodeJS.ProcessEnv = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };

/**
 * For a laptop: what docs/deployment.md advises for a server is there where it costs nothing. Not its write-ahead log,
 * of which the advice keeps 2 GB; a cluster that lives for minutes writes each segment for the first time anyhow.
 */
const SETTINGS: PostgresSettings = {
  listen_addresses: '127.0.0.1',
  // TCP only: the path of a socket may be at most 107 bytes long, and a temporary directory's name may not be.
  unix_socket_directories: '',
  max_connections: 300,
  shared_buffers: '256MB',
  // The work queue's statements are short; compiling them costs more than it saves.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %u@%d ',
};
const FAST_AND_FORGETFUL = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };

function readSql(name: string): Promise<string> {
  return readFile(join(repositoryRoot(), 'infra', 'postgres', name), 'utf8');
}
