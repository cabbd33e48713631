import { execFile } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OwnedProcesses } from '../../../infra/local/owned-processes.js';
import type { OwnedProcess } from '../../../infra/local/owned-processes.js';
import { freePorts } from '../../../infra/local/ports.js';
import { findPostgres, temporaryRoot } from '../../../infra/local/postgres-installation.js';
import type { PostgresInstallation } from '../../../infra/local/postgres-installation.js';
import { eventually } from './eventually.js';
import { withClient } from './template.js';
import { testRun } from './test-run.js';

const run = promisify(execFile);
const PASSWORD = 'of-the-superuser';
/** Nothing of the caller's environment: PG* variables would change what the server does. */
const ENVIRONMENT: NodeJS.ProcessEnv = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
const SETTINGS = { listen_addresses: '127.0.0.1', unix_socket_directories: '', shared_buffers: '32MB', jit: 'off' };

export interface ServerOptions {
  /** Beside the tests' own, by name. */
  settings?: Readonly<Record<string, string | number>>;
  /** Instead of passwords from 127.0.0.1: lines of pg_hba.conf. The superuser must get in by password, without TLS. */
  hba?: readonly string[];
}

/** A certificate and its key, PEM, readable by Postgres' account alone. */
export interface CertificateFiles {
  crt: string;
  key: string;
}

/** One real PostgreSQL that a test configures, stops and promotes as it likes. */
export class PostgresServer {
  #process: OwnedProcess | undefined;

  constructor(
    readonly port: number,
    readonly data: string,
    private readonly options: ServerOptions,
    private readonly start_process: (args: string[]) => Promise<OwnedProcess>,
  ) {}

  /** Of the superuser, by TCP. */
  adminUrl(database = 'postgres'): string {
    return `postgres://postgres:${PASSWORD}@127.0.0.1:${this.port}/${database}`;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const settings = { ...SETTINGS, ...this.options.settings, port: this.port };
    const set = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#process = await this.start_process(['-D', this.data, ...set]);
    await eventually(() => this.sql('SELECT'));
  }

  async sql<R extends object>(text: string, database = 'postgres'): Promise<R[]> {
    return withClient(this.adminUrl(database), async (client) => (await client.query(text)).rows as R[]);
  }

  /** SIGINT: its fast shutdown. SIGQUIT: its crash. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    await this.#process?.stop(signal, 15_000);
  }
}

/** Servers beside the run's own, for what that cannot be: with TLS, with a standby, to be shut down. */
export class PostgresServers {
  private constructor(
    readonly directory: string,
    private readonly processes: OwnedProcesses,
    private readonly installation: PostgresInstallation,
  ) {}

  static async open(): Promise<PostgresServers> {
    const processes = new OwnedProcesses(testRun().build);
    await mkdir(testRun().log_directory, { recursive: true });
    const directory = await mkdtemp(join(await temporaryRoot(), 'assay-servers-'));
    processes.ownDirectory(directory);
    await chmod(directory, 0o755);
    return new PostgresServers(directory, processes, await findPostgres(directory));
  }

  /** A new cluster, started. */
  async make(name: string, options: ServerOptions = {}): Promise<PostgresServer> {
    const home = join(this.directory, name);
    await mkdir(home);
    const password = join(home, 'password');
    await writeFile(password, PASSWORD, { mode: 0o600 });
    await this.#own(home, password);
    const data = join(home, 'data');
    await this.#run(this.installation.initdb, [
      ...['-D', data, '-U', 'postgres', '--encoding=UTF8', '--locale=C', '--no-sync'],
      ...['--auth=scram-sha-256', `--pwfile=${password}`],
    ]);
    if (options.hba) await writeFile(join(data, 'pg_hba.conf'), `${options.hba.join('\n')}\n`);
    return this.#started(name, data, options);
  }

  /** A hot standby that follows `primary`, which is stopped for its copy and started again. */
  async standbyOf(primary: PostgresServer, name: string): Promise<PostgresServer> {
    const data = join(this.directory, name, 'data');
    await mkdir(join(this.directory, name));
    await primary.stop();
    await cp(primary.data, data, { recursive: true, verbatimSymlinks: true });
    await primary.start();
    const source = `host=127.0.0.1 port=${primary.port} user=postgres password=${PASSWORD}`;
    await writeFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${source}'\n`);
    await writeFile(join(data, 'standby.signal'), '');
    await chmod(data, 0o700);
    const { account } = this.installation;
    if (account) await run('chown', ['-R', `${account.uid}:${account.gid}`, join(this.directory, name)]);
    return this.#started(name, data, {});
  }

  /** A CA of its own, and what it signs. */
  async authority(name: string): Promise<(subject: string, names: string) => Promise<CertificateFiles>> {
    const ca = this.#certificatePaths(name);
    await run('openssl', [
      ...['req', '-x509', ...KEY, '-days', '2', '-subj', `/CN=${name}`, '-keyout', ca.key, '-out', ca.crt],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ]);
    return async (subject, names) => {
      const own = this.#certificatePaths(`${name}-${subject}`);
      const [request, extensions] = [`${own.crt}.csr`, `${own.crt}.ext`];
      await run('openssl', ['req', ...KEY, '-subj', `/CN=${subject}`, '-keyout', own.key, '-out', request]);
      await writeFile(extensions, `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
      const signing = ['-CA', ca.crt, '-CAkey', ca.key, '-CAcreateserial', '-days', '2', '-extfile', extensions];
      await run('openssl', ['x509', '-req', '-in', request, '-out', own.crt, ...signing]);
      await chmod(own.key, 0o600);
      await this.#own(own.key);
      return own;
    };
  }

  /** Another server's process, under the account that Postgres runs under. */
  async start(name: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<OwnedProcess> {
    return this.processes.start({
      ...{ name, command, args, cwd: this.directory, env: { ...ENVIRONMENT, ...env } },
      ...{ log_file: this.logOf(name), stop_signal: 'SIGINT', ...this.installation.account },
    });
  }

  logOf(name: string): string {
    return join(testRun().log_directory, `${name}.log`);
  }

  async close(): Promise<void> {
    await this.processes.stopAll();
    this.processes.removeDirectory(this.directory);
    await this.processes.release();
  }

  async #started(name: string, data: string, options: ServerOptions): Promise<PostgresServer> {
    const [port] = await freePorts(1);
    const start = (args: string[]) => this.start(name, this.installation.postgres, args);
    const server = new PostgresServer(port!, data, options, start);
    await server.start();
    return server;
  }

  async #run(command: string, args: string[]): Promise<void> {
    const log_file = this.logOf('initdb');
    const place = { cwd: this.directory, env: ENVIRONMENT, log_file };
    await this.processes.run({ name: 'initdb', command, args, ...place, ...this.installation.account });
  }

  async #own(...paths: string[]): Promise<void> {
    const { account } = this.installation;
    if (account) for (const path of paths) await chown(path, account.uid, account.gid);
  }

  #certificatePaths(name: string): CertificateFiles {
    return { crt: join(this.directory, `${name}.crt`), key: join(this.directory, `${name}.key`) };
  }
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
