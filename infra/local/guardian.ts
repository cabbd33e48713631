/**
 * Outlives the host of a stack: when the host is gone, however it went (its end of the pipe closes even on SIGKILL),
 * ends the processes and removes the directories that the host had registered and not yet taken back.
 * Lines on stdin: `pid N`, `gone N`, `dir PATH`, `removed PATH`, `container NAME`.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const GRACE_MS = 5_000;
const POLL_MS = 50;

const pids = new Set<number>();
const directories = new Set<string>();
const containers = new Set<string>();

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function take(line: string): void {
  const [verb, ...rest] = line.split(' ');
  const value = rest.join(' ');
  if (verb === 'pid') pids.add(Number(value));
  if (verb === 'gone') pids.delete(Number(value));
  if (verb === 'dir') directories.add(value);
  if (verb === 'container') containers.add(value);
  if (verb === 'removed') directories.delete(value);
}

async function cleanUp(): Promise<void> {
  // SIGINT, because to Postgres SIGTERM means to wait until every client has gone.
  for (const pid of pids) signal(pid, 'SIGINT');
  const deadline = performance.now() + GRACE_MS;
  while (performance.now() < deadline && [...pids].some((pid) => signal(pid, 0))) await delay(POLL_MS);
  for (const pid of pids) signal(pid, 'SIGKILL');
  for (const container of containers) spawnSync('docker', ['rm', '-f', '-v', container], { stdio: 'ignore' });
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

// Signals that mean the host end with the host; until then the guardian stays.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
const lines = createInterface({ input: process.stdin });
lines.on('line', take);
lines.on('close', () => void cleanUp().then(() => process.exit(0)));
