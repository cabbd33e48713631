/**
 * The process that owns a stack: starts it, keeps it, ends it. It ends on SIGINT and SIGTERM, and, until it is unbound,
 * when its stdin closes, which is how it learns that whoever started it is gone.
 */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { HostCommand, HostOptions, HostReport } from './host-protocol.js';
import { Infrastructure } from './infrastructure.js';

const options = JSON.parse(process.argv[2] ?? '{}') as HostOptions;

function report(line: HostReport): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const infrastructure = new Infrastructure({ ...options, progress: (progress) => report({ progress }) });
let bound = true;
let stopping: Promise<never> | undefined;

function stop(exit_code: number): Promise<never> {
  stopping ??= infrastructure.stop().then(
    () => process.exit(exit_code),
    () => process.exit(1),
  );
  return stopping;
}

async function restart(command: HostCommand & { do: 'restart' }): Promise<void> {
  if (command.what === 'kafka') await infrastructure.kafka.stop('SIGKILL');
  else await infrastructure.postgres.stop('SIGQUIT');
  await delay(command.down_ms);
  await infrastructure[command.what].start();
}

async function obey(command: HostCommand): Promise<void> {
  try {
    if (command.do === 'unbind') bound = false;
    else await restart(command);
    report({ done: command.id, error: null });
  } catch (error) {
    report({ done: command.id, error: String(error) });
  }
}

process.stdout.on('error', () => undefined);
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => void stop(0));
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => void obey(JSON.parse(line) as HostCommand));
lines.on('close', () => {
  if (bound) void stop(0);
});

try {
  await infrastructure.start();
  report({ ready: infrastructure.address() });
} catch (error) {
  report({ failed: error instanceof Error ? error.message : String(error) });
  await stop(1);
}
