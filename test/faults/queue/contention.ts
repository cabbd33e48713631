import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { WORK_QUEUE_MIGRATION_SQL, WorkQueue } from '@assay/work-queue';
import pg from 'pg';
import { OwnedProcesses } from '../../../infra/local/owned-processes.js';
import type { OwnedProcess } from '../../../infra/local/owned-processes.js';
import { SeededRandom } from '../random.js';
import { contendedItem } from './contended-item.js';
import type { ContenderOptions } from './contender.js';
import { LEDGER_SQL, readVerdict } from './ledger.js';
import type { Verdict } from './ledger.js';

const PROCESSES = 4;
const WORKERS_IN_EACH = 8;
const LEASE_MS = 300;
const HOUR_MS = 3_600_000;
/** Of the work on one item: more than a lease, so that some of it needs a renewal. */
const LONGEST_WORK_MS = 400;
const POLL_MS = 50;
const INSERTED_TOGETHER = 500;

export interface ContentionOptions {
  /** Of an empty database; the role may create tables in `schema`. */
  url: string;
  schema: string;
  /** The directory that the repository was built into. */
  build: string;
  log_file: string;
  seed: number;
  items: number;
  /** Over all workers; null: no limit (WQ-5). */
  max_active: number | null;
  /** Faults go on for so long, or until nine tenths of the items have ended. */
  faults_ms: number;
  /** Until when all must have ended, from the last fault. */
  patience_ms: number;
}

export interface Contention {
  seed: number;
  verdict: Verdict;
  /** Items that were left in the table when patience ran out. */
  left: number;
  kills: number;
  freezes: number;
  took_ms: number;
}

/**
 * 32 workers in four processes contend for one queue (WQ-8). Two of the processes have clocks an hour off; processes are
 * killed and started anew, are stopped and go on, and stand still by themselves for longer than a lease. What became of
 * the items is judged by a ledger that triggers keep.
 */
export async function contend(options: ContentionOptions): Promise<Contention> {
  const begun_at_ms = performance.now();
  await mkdir(dirname(options.log_file), { recursive: true });
  const client = new pg.Client({ connectionString: options.url, application_name: 'judge' });
  await client.connect();
  const processes = new OwnedProcesses(options.build);
  try {
    await prepare(client, options);
    const field = new Field(processes, options);
    await field.fill();
    await until(async () => (await count(client, 'SELECT FROM arrivals')) >= PROCESSES * WORKERS_IN_EACH, 60_000);
    await field.trouble(client);
    await until(async () => (await count(client, 'SELECT FROM work_items')) === 0, options.patience_ms);
    await field.empty();
    const { kills, freezes } = field;
    const left = await count(client, 'SELECT FROM work_items');
    const verdict = await readVerdict(client);
    return { seed: options.seed, verdict, left, kills, freezes, took_ms: performance.now() - begun_at_ms };
  } finally {
    await processes.stopAll();
    await processes.release();
    await client.end();
  }
}

/** The four processes, and what befalls them. */
class Field {
  kills = 0;
  freezes = 0;
  readonly #random: SeededRandom;
  readonly #running: OwnedProcess[] = [];
  readonly #frozen: Promise<void>[] = [];
  #started = 0;

  constructor(
    private readonly processes: OwnedProcesses,
    private readonly options: ContentionOptions,
  ) {
    this.#random = new SeededRandom(options.seed);
  }

  async fill(): Promise<void> {
    for (let place = 0; place < PROCESSES; place += 1) {
      this.#running[place] = await this.#start(place, Math.ceil(this.options.items / 10 / PROCESSES));
    }
  }

  /** Kills and freezes while there is work. */
  async trouble(client: pg.Client): Promise<void> {
    const ends_at_ms = performance.now() + this.options.faults_ms;
    while (performance.now() < ends_at_ms) {
      await pause(this.#random.between(50, 600));
      if ((await count(client, 'SELECT FROM endings')) >= this.options.items * 0.9) break;
      const place = this.#random.between(0, PROCESSES - 1);
      if (this.#random.between(0, 2) === 0) await this.#kill(place);
      else this.#freeze(place);
    }
    await Promise.all(this.#frozen);
  }

  /** Each finishes what it holds. */
  async empty(): Promise<void> {
    await Promise.all(this.#running.map((each) => each.stop('SIGTERM')));
  }

  async #kill(place: number): Promise<void> {
    const victim = this.#running[place]!;
    this.kills += 1;
    victim.kill('SIGKILL');
    await victim.exited;
    this.#running[place] = await this.#start(place, 0);
  }

  /** Up to four leases long: others take over, and it comes back to what is no longer its own. */
  #freeze(place: number): void {
    const victim = this.#running[place]!;
    this.freezes += 1;
    victim.kill('SIGSTOP');
    const over = pause(this.#random.between(LEASE_MS, LEASE_MS * 4)).then(() => victim.kill('SIGCONT'));
    this.#frozen.push(over);
  }

  #start(place: number, born: number): Promise<OwnedProcess> {
    const { build, log_file, max_active, schema, seed, url } = this.options;
    const name = `process-${(this.#started += 1)}`;
    const contender: ContenderOptions = {
      ...{ url, schema, name, born, max_active, workers: WORKERS_IN_EACH, lease_ms: LEASE_MS },
      ...{ seed: seed * 100 + this.#started, longest_work_ms: LONGEST_WORK_MS, stall_one_in: 100 },
    };
    return this.processes.start({
      name,
      command: process.execPath,
      args: [
        ...clockOf(place, build),
        join(build, 'test', 'faults', 'queue', 'contender.js'),
        JSON.stringify(contender),
      ],
      env: { PATH: process.env['PATH'] },
      log_file,
    });
  }
}

/** Two clocks are right, one is an hour behind and one an hour ahead. */
function clockOf(place: number, build: string): string[] {
  const ahead_ms = [0, -HOUR_MS, HOUR_MS, 0][place]!;
  if (ahead_ms === 0) return [];
  const script = pathToFileURL(join(build, 'test', 'faults', 'shifted-clock.js'));
  return ['--import', `${script.href}?ahead_ms=${ahead_ms}`];
}

/** The queue's table with most of the items in it; the rest the processes bring along. */
async function prepare(client: pg.Client, { items, schema, seed, url }: ContentionOptions): Promise<void> {
  await client.query(`SET search_path = ${schema}`);
  for (const text of [...WORK_QUEUE_MIGRATION_SQL, ...LEDGER_SQL]) await client.query(text);
  const application_name = 'inserter';
  const limits = { pool_size: 1, statement_timeout_ms: 30_000 };
  const database = await new Database({ url: fixedSecret(url), schema, application_name, ...limits }).open();
  const timing = { lease_ms: LEASE_MS, sweep_interval_ms: LEASE_MS, poll_first_ms: 10, poll_max_ms: 100 };
  const publishing = { work_max_bytes: 1024, publish_max_bytes: 1024, publish_batch: 10 };
  const nobody = { available: false, publish: () => Promise.resolve([]) };
  const queue = new WorkQueue(database, nobody, { owner: 'inserter', priority_ageing_s: 30, ...timing, ...publishing });
  const random = new SeededRandom(seed);
  const all = Array.from({ length: Math.floor(items * 0.9) }, (_, n) => contendedItem(`item-${n}`, random));
  for (let start = 0; start < all.length; start += INSERTED_TOGETHER) {
    await database.transaction((tx) => queue.insert(tx, all.slice(start, start + INSERTED_TOGETHER)));
  }
  await database.close();
}

async function count(client: pg.Client, rows: string): Promise<number> {
  const { rows: counted } = await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM (${rows}) AS rows`);
  return counted[0]!.n;
}

/** What does not come true in time the verdict tells of. */
async function until(holds: () => Promise<boolean>, within_ms: number): Promise<void> {
  const deadline = performance.now() + within_ms;
  while (!(await holds()) && performance.now() < deadline) await pause(POLL_MS);
}
