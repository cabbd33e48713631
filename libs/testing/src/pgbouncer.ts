import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { freePorts } from '../../../infra/local/ports.js';
import { eventually } from './eventually.js';
import type { PostgresServers } from './postgres-servers.js';

const run = promisify(execFile);
/** As Debian ships it; the library that it needs beside what every Debian has. */
const PACKAGES = ['pgbouncer', 'libc-ares2'];

export interface PgBouncerOptions {
  mode: 'session' | 'transaction';
  /** Of the server behind it; roles and passwords are taken from these URLs. */
  urls: readonly string[];
  default_pool_size?: number;
}

/** A real PgBouncer before a real Postgres. */
export interface PgBouncer {
  /** The same URL, by way of the pooler. */
  url(of: string): string;
  /** As its administrator: `SHOW POOLS`, `RECONNECT`. */
  admin(command: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** Starts one under the servers' account; ends with them. */
export async function startPgBouncer(servers: PostgresServers, options: PgBouncerOptions): Promise<PgBouncer> {
  const home = join(servers.directory, `pgbouncer-${options.mode}`);
  await mkdir(home);
  await cp(await fetched(), join(home, 'root'), { recursive: true, verbatimSymlinks: true });
  const [port] = await freePorts(1);
  const urls = options.urls.map((url) => new URL(url));
  const users = [...urls.map((url) => `"${url.username}" "${decodeURIComponent(url.password)}"`), '"admin" "admin"'];
  await writeFile(join(home, 'users.txt'), `${[...new Set(users)].join('\n')}\n`);
  await writeFile(join(home, 'p.ini'), configuration(home, urls[0]!.port, port!, options));
  await run('chmod', ['-R', 'a+rX', home]);
  const root = join(home, 'root', 'usr');
  const libraries = { LD_LIBRARY_PATH: join(root, 'lib', 'x86_64-linux-gnu') };
  const name = `pgbouncer-${options.mode}`;
  const process = await servers.start(name, join(root, 'sbin', 'pgbouncer'), [join(home, 'p.ini')], libraries);
  const admin = (command: string) => asAdmin(port!, command);
  await eventually(() => admin('SHOW VERSION'));
  return {
    url: (of) => Object.assign(new URL(of), { hostname: '127.0.0.1', port: String(port) }).href,
    admin,
    stop: () => process.stop('SIGINT'),
  };
}

/** What Debian ships, with nothing said of start-up parameters: it refuses those that it does not know. */
function configuration(home: string, server_port: string, port: number, options: PgBouncerOptions): string {
  return [
    '[databases]',
    `* = host=127.0.0.1 port=${server_port}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${join(home, 'users.txt')}`,
    'admin_users = admin',
    `pool_mode = ${options.mode}`,
    `default_pool_size = ${options.default_pool_size ?? 30}`,
    'query_wait_timeout = 5',
    '',
  ].join('\n');
}

async function asAdmin(port: number, command: string): Promise<Record<string, unknown>[]> {
  const place = { host: '127.0.0.1', port, user: 'admin', password: 'admin', database: 'pgbouncer' };
  const client = new Client(place);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(command)).rows;
  } finally {
    await client.end();
  }
}

/** The packages unpacked, kept beside what else is fetched once. */
async function fetched(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'assay');
  const kept = join(cache, 'pgbouncer');
  if (existsSync(kept)) return kept;
  await mkdir(cache, { recursive: true });
  const partial = await mkdtemp(`${kept}.partial-`);
  try {
    await run('apt-get', ['--quiet', 'download', ...PACKAGES], { cwd: partial });
    const packages = (await readdir(partial)).filter((name) => name.endsWith('.deb'));
    for (const each of packages) await run('dpkg', ['-x', each, 'root'], { cwd: partial });
    await chmod(join(partial, 'root'), 0o755);
    // Whole, in one move: two that fetch at once do no harm.
    await rename(join(partial, 'root'), kept).catch((error: unknown) => {
      if (!existsSync(kept)) throw error;
    });
    return kept;
  } catch (error) {
    throw new Error(`PgBouncer is fetched by apt-get download, once: ${(error as Error).message}`, { cause: error });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
