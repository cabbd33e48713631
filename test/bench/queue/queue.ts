import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgresAlone } from '../../../infra/local/postgres-alone.js';
import type { LocalPostgres } from '../../../infra/local/postgres.js';
import { claimCostMs } from './claim-cost.js';
import { CONTENDERS, prepareOurs } from './contenders.js';
import type { ContenderName } from './contenders.js';
import type { Drained, DrainTask } from './drain-run.js';
import { healthyLane } from './healthy-lane.js';
import type { HealthyLane } from './healthy-lane.js';

const SMALL = 10_000;
const LARGE = 1_000_000;
/** A drain is measured for so long at most: some never end while old rows cannot be cleared away. */
const LIMIT_MS = 60_000;
const USAGE = 'usage: npm run bench -- queue [--items N] [--json]';

type Course = 'small' | 'small_pinned' | 'large' | 'large_pinned';
const COURSES: readonly Course[] = ['small', 'small_pinned', 'large', 'large_pinned'];

export interface QueueFigures {
  machine: string;
  date: string;
  /** Items in the two backlogs. */
  backlogs: { small: number; large: number };
  /** Items a second by backlog, and so beside a transaction that was open and had read before it was drained. */
  drained_per_s: Record<ContenderName, Record<Course, number>>;
  /** Median ms of a claim of 100, by rows in the backlog. */
  claim_ms: Record<string, number>;
  /** A lane alone, and beside 100,000 rows behind a dead and 10,000 behind a rate-limited one. */
  healthy_lane: { alone: HealthyLane; beside: HealthyLane };
  ratios: Record<string, number>;
}

/** `npm run bench -- queue [--items N] [--json]`: ours, graphile-worker and pg-boss, in turn on one Postgres. */
export async function runQueueBench(args: readonly string[]): Promise<void> {
  const large = args.includes('--items') ? Number(args[args.indexOf('--items') + 1]) : LARGE;
  if (!Number.isInteger(large) || large < 1_000) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const json = args.includes('--json');
  const say = (line: string): void => void (json || console.log(`  ${line}`));
  const log_directory = await mkdtemp(join(tmpdir(), 'assay-bench-'));
  const alone = await startPostgresAlone(join(import.meta.dirname, '..', '..', '..'), { durable: true, log_directory });
  const stopOnSignal = (): void => void alone.stop().finally(() => process.exit(130));
  process.once('SIGINT', stopOnSignal);
  try {
    const figures = await measure(alone.postgres, large, say);
    if (json) console.log(JSON.stringify(figures));
    else print(figures);
  } finally {
    process.off('SIGINT', stopOnSignal);
    await alone.stop();
    await rm(log_directory, { recursive: true, force: true });
  }
}

async function measure(postgres: LocalPostgres, large: number, say: (line: string) => void): Promise<QueueFigures> {
  const backlogs = { small: Math.min(SMALL, large), large };
  const names = Object.keys(CONTENDERS) as ContenderName[];
  const drained_per_s = Object.fromEntries(names.map((name) => [name, {}])) as QueueFigures['drained_per_s'];
  for (const course of COURSES) {
    const items = course.startsWith('small') ? backlogs.small : backlogs.large;
    for (const name of names) {
      const drained = await inOwnDatabase(postgres, (client, url) =>
        drain({ contender: name, url, items, limit_ms: LIMIT_MS }, client, course.endsWith('pinned')),
      );
      drained_per_s[name][course] = Math.round(drained.done / (drained.took_ms / 1_000));
      say(
        `${name}, ${items} items${course.endsWith('pinned') ? ', pinned' : ''}: ${drained_per_s[name][course]} a second`,
      );
    }
  }
  const claim_ms = await claimCosts(postgres, large, say);
  say('a healthy lane alone, then beside 100,000 rows behind a dead and 10,000 behind a rate-limited one');
  const healthy_lane = await inOwnDatabase(postgres, async (client, url) => {
    await prepareOurs(client);
    return healthyLane(client, url);
  });
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`,
    date: new Date(performance.timeOrigin).toISOString().slice(0, 10),
    ...{ backlogs, drained_per_s, claim_ms, healthy_lane },
    ratios: ratiosOf({ drained_per_s, claim_ms, healthy_lane }, large),
  };
}

function ratiosOf(
  { drained_per_s, claim_ms, healthy_lane }: Pick<QueueFigures, 'drained_per_s' | 'claim_ms' | 'healthy_lane'>,
  large: number,
): Record<string, number> {
  const { assay, graphile, pg_boss } = drained_per_s;
  return {
    vs_graphile_1m: round(assay.large / graphile.large),
    vs_graphile_1m_pinned: round(assay.large_pinned / graphile.large_pinned),
    vs_graphile_10k: round(assay.small / graphile.small),
    vs_graphile_10k_pinned: round(assay.small_pinned / graphile.small_pinned),
    vs_pgboss_1m: round(assay.large / pg_boss.large),
    vs_pgboss_1m_pinned: round(assay.large_pinned / pg_boss.large_pinned),
    vs_pgboss_10k: round(assay.small / pg_boss.small),
    vs_pgboss_10k_pinned: round(assay.small_pinned / pg_boss.small_pinned),
    cost_1m_vs_1k: round(claim_ms[large]! / claim_ms[1_000]!),
    healthy_lane_delay: round(healthy_lane.beside.p50_ms / healthy_lane.alone.p50_ms),
  };
}

async function claimCosts(postgres: LocalPostgres, large: number, say: (line: string) => void) {
  return inOwnDatabase(postgres, async (client, url) => {
    await prepareOurs(client);
    const claim_ms: Record<string, number> = {};
    for (const rows of [...new Set([1_000, Math.min(100_000, large), large])]) {
      claim_ms[rows] = round(await claimCostMs(client, url, rows));
      say(`a claim of 100 from ${rows}: ${claim_ms[rows]} ms`);
    }
    return claim_ms;
  });
}

async function inOwnDatabase<T>(postgres: LocalPostgres, work: (client: pg.Client, url: string) => Promise<T>) {
  const admin = await connect(postgres.adminUrl('postgres'));
  try {
    await admin.query('CREATE DATABASE bench');
    const client = await connect(postgres.adminUrl('bench'));
    return await work(client, postgres.adminUrl('bench')).finally(() => client.end());
  } finally {
    await admin.query('DROP DATABASE IF EXISTS bench WITH (FORCE)');
    await admin.end();
  }
}

async function drain(task: DrainTask, client: pg.Client, pinned: boolean): Promise<Drained> {
  const contender = CONTENDERS[task.contender];
  await contender.prepare(client, task.url);
  await contender.fill(client, task.items);
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  if (!pinned) return inOwnProcess(task);
  // One open transaction that has read: nothing that is deleted from now on can be cleared away.
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await client.query('SELECT count(*) FROM pg_class');
  return inOwnProcess(task).finally(() => client.query('ROLLBACK'));
}

function inOwnProcess(task: DrainTask): Promise<Drained> {
  const child = fork(join(import.meta.dirname, 'drain-run.js'), [JSON.stringify(task)]);
  return new Promise((resolve, reject) => {
    child.once('message', (drained) => resolve(drained as Drained));
    child.once('exit', (code) => reject(new Error(`${task.contender} ended with ${code}`)));
  });
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

function round(value: number): number {
  return Number(value.toFixed(2));
}

function print({ backlogs, claim_ms, date, drained_per_s, healthy_lane, machine, ratios }: QueueFigures): void {
  console.log(`\n${machine}, ${date}; backlogs of ${backlogs.small} and ${backlogs.large}, items a second\n`);
  console.table(drained_per_s);
  console.table({ 'ms of a claim of 100, by backlog': claim_ms });
  console.table({ 'a healthy lane alone': healthy_lane.alone, 'beside a dead and a limited one': healthy_lane.beside });
  console.table(ratios);
}
