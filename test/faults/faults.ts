import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { closeOnSignals, startSystem, type TestSystem } from '@assay/testing';
import { localDirectory } from '../../infra/local/stack-file.js';
import { note, red, say } from '../../infra/local/terminal.js';
import { type Day, runBadDay, TUNING } from './bad-day.js';
import { runFlood, runNight } from './fairness/fairness.js';
import { runQueueFaults } from './queue/queue.js';
import { dayAsJson, holds, printDay } from './report.js';
import { usualFaults } from './schedule.js';

const DEFAULT_SUBMISSIONS = 3_000;
const PATIENCE_MS = 90_000;
const REPLICAS = 2;
const USAGE =
  'usage: npm run test:faults -- [queue | flood | night] [--seed N] [--submissions N] [--faults N] [--json]';

interface Arguments {
  seed: number;
  submissions: number;
  faults?: number;
  json: boolean;
}

const COUNTS = { '--seed': 'seed', '--submissions': 'submissions', '--faults': 'faults' } as const;

/** Null where they make no sense. */
function readArguments(args: readonly string[]): Arguments | null {
  const read: Arguments = { seed: randomInt(1, 1_000_000), submissions: DEFAULT_SUBMISSIONS, json: false };
  for (let index = 0; index < args.length; index += 1) {
    const name = args[index];
    if (name === '--json') {
      read.json = true;
      continue;
    }
    if (name === undefined || !Object.hasOwn(COUNTS, name)) return null;
    const value = Number(args[(index += 1)]);
    if (!Number.isInteger(value) || value < 1) return null;
    read[COUNTS[name as keyof typeof COUNTS]] = value;
  }
  return read;
}

/** What has a command of its own: the work queue alone, and what one source or endpoint may do to another. */
const OTHERS: Record<string, (args: readonly string[]) => Promise<void>> = {
  queue: runQueueFaults,
  flood: runFlood,
  night: runNight,
};

/** `npm run test:faults`: Assay's long bad day, on a stack of its own; {@link OTHERS} by their names. */
export async function main(args: string[]): Promise<void> {
  const other = OTHERS[args[0] ?? ''];
  if (other) {
    await other(args.slice(1));
    end();
  }
  const read = readArguments(args);
  if (read === null) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const { faults = usualFaults(read.submissions), json, seed, submissions } = read;
  const tell = json ? () => undefined : note;
  tell(`seed ${seed}, ${submissions} submissions, ${faults} faults`);
  const build = join(import.meta.dirname, '..', '..');
  const log_directory = join(localDirectory(), 'logs', 'faults');
  const system = await startSystem({
    replicas: REPLICAS,
    own_stack: true,
    proxies: true,
    tuning: TUNING,
    run: { build, log_directory },
    // Every mail and webhook counts: each job has up to four, and a webhook may come again.
    sink_records: submissions * 10,
    progress: tell,
  });
  closeOnSignals(system);
  try {
    const options = { seed, submissions, faults, build, patience_ms: PATIENCE_MS, say: tell };
    report(await runBadDay(system, options), system, json);
  } catch (error) {
    // A day that could not be judged has not held.
    console.error(red(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    console.error(`  seed ${seed}, logs: ${system.log_directory}`);
    process.exitCode = 1;
  } finally {
    await system.close();
  }
  if (!json) say(`  seed ${seed}`);
  end();
}

function report(day: Day, { log_directory }: TestSystem, json: boolean): void {
  if (json) console.log(JSON.stringify(dayAsJson(day, log_directory)));
  else printDay(day);
  if (holds(day.verdict)) return;
  process.exitCode = 1;
  if (!json) say(red(`  logs: ${log_directory}`));
}

/**
 * Not left to Node: after connections that were reset in the middle of a write, it has once waited for ever, at full load,
 * for a request that had no handle any more (Node 20.20, in `Environment::CleanupHandles`).
 */
function end(): never {
  process.exit();
}
