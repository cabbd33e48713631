import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { localDirectory } from '../../../infra/local/stack-file.js';
import { startPostgresAlone } from '../../../infra/local/postgres-alone.js';
import { green, note, red, say, table } from '../../../infra/local/terminal.js';
import { contend } from './contention.js';
import type { Contention } from './contention.js';

const DEFAULT_ITEMS = 2_000;
const FAULTS_MS = 300_000;
const PATIENCE_MS = 180_000;
const USAGE = 'usage: npm run test:faults -- queue [--seed N] [--items N] [--max-active N] [--json]';

interface Arguments {
  seed: number;
  items: number;
  max_active: number | null;
  json: boolean;
}

const COUNTS = new Map([
  ['--seed', 'seed'],
  ['--items', 'items'],
  ['--max-active', 'max_active'],
] as const) as ReadonlyMap<string, 'seed' | 'items' | 'max_active'>;

/** Null where they make no sense. */
function readArguments(args: readonly string[]): Arguments | null {
  const read: Arguments = { seed: randomInt(1, 1_000_000), items: DEFAULT_ITEMS, max_active: null, json: false };
  for (let index = 0; index < args.length; index += 1) {
    if (args[index] === '--json') {
      read.json = true;
      continue;
    }
    const name = COUNTS.get(args[index]!);
    const value = Number(args[(index += 1)]);
    if (name === undefined || !Number.isInteger(value) || value < 1) return null;
    read[name] = value;
  }
  return read;
}

/** `npm run test:faults -- queue`: workers that contend for one queue, on a durable Postgres of their own (WQ-8). */
export async function runQueueFaults(args: readonly string[]): Promise<void> {
  const read = readArguments(args);
  if (read === null) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const build = join(import.meta.dirname, '..', '..', '..');
  const log_directory = join(localDirectory(), 'logs', 'faults-queue');
  if (!read.json) note(`seed ${read.seed}, ${read.items} items`);
  const alone = await startPostgresAlone(build, { durable: true, log_directory });
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => void alone.stop().finally(() => process.exit(130)));
  }
  try {
    const place = { url: alone.postgres.url('ingest'), schema: 'ingest', build };
    const timing = { faults_ms: FAULTS_MS, patience_ms: PATIENCE_MS };
    const log_file = join(log_directory, 'contention.log');
    const { seed, items, max_active } = read;
    const contention = await contend({ ...place, ...timing, log_file, seed, items, max_active });
    const well = holds(contention, max_active);
    if (read.json) console.log(JSON.stringify({ ...contention, holds: well }));
    else print(contention, log_file);
    if (!well) process.exitCode = 1;
  } finally {
    await alone.stop();
  }
}

const MUST_BE_NONE = ['twice', 'lost', 'stale_endings', 'intrusions'] as const;

function holds({ left, verdict }: Contention, max_active: number | null): boolean {
  if (max_active !== null && verdict.most_at_once > max_active) return false;
  return left === 0 && MUST_BE_NONE.every((name) => verdict[name].length === 0);
}

function print({ freezes, kills, left, took_ms, verdict }: Contention, log_file: string): void {
  const zero = (count: number) => (count === 0 ? green('0') : red(String(count)));
  table([
    ['what', 'count', ''],
    ['items', String(verdict.inserted), `in ${(took_ms / 1_000).toFixed(0)} s`],
    ['  done', String(verdict.done), ''],
    ['  dead', String(verdict.dead), 'three workers lost them'],
    ['kills', String(kills), ''],
    ['freezes', String(freezes), ''],
    ['leases that ended too early', String(verdict.expired), ''],
    ['stale workers turned away', String(verdict.turned_away), 'at the end of their work'],
    ['at work at once, at most', String(verdict.most_at_once), ''],
    ['LEFT', zero(left), ''],
    ...MUST_BE_NONE.map((name) => [name.replace('_', ' ').toUpperCase(), zero(verdict[name].length), '']),
  ]);
  for (const name of MUST_BE_NONE) for (const item of verdict[name].slice(0, 20)) say(red(`  ${name}: ${item}`));
  note(`log: ${log_file}`);
}
