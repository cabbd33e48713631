import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackAddress } from './host-protocol.js';
import { repositoryRoot } from './repository.js';

/** Everything of a clone's stack lies here, outside version control. */
export function localDirectory(): string {
  const directory = join(repositoryRoot(), '.local');
  mkdirSync(directory, { recursive: true });
  return directory;
}

export function stackFile(): string {
  return join(localDirectory(), 'stack.json');
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The stack that runs in the background of this clone, if one does; what a dead one left is removed. */
export function runningStack(): StackAddress | null {
  if (!existsSync(stackFile())) return null;
  const address = JSON.parse(readFileSync(stackFile(), 'utf8')) as StackAddress;
  if (isRunning(address.pid)) return address;
  rmSync(stackFile(), { force: true });
  return null;
}

/** Keys are in it: its owner alone may read it. */
export function writeStackFile(address: StackAddress): void {
  writeFileSync(stackFile(), `${JSON.stringify(address, null, 2)}\n`, { mode: 0o600 });
}
