import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OutgoingEvent } from '@assay/contracts';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { WORK_QUEUE_MIGRATION_SQL, WorkQueue } from '@assay/work-queue';
import type { EventsByItem, Settle, Unit, WorkHandler, WorkItem } from '@assay/work-queue';
import { Logger, run, runMigrations } from 'graphile-worker';
import type { Runner } from 'graphile-worker';
import type pg from 'pg';
import PgBoss from 'pg-boss';

/** Drains a backlog in a process of its own; each at its best for work that takes no time. */
export interface Contender {
  /** An empty queue in an empty database. */
  prepare(client: pg.Client, url: string): Promise<void>;
  /** Fills it in one statement: what inserting costs is not asked here. */
  fill(client: pg.Client, items: number): Promise<unknown>;
  /** Works; calls `done` with each number of items that are finished, and returns what ends it. */
  drain(url: string, done: (items: number) => void): Promise<() => Promise<unknown>>;
}

const SCHEMA = 'bench';
const QUEUE = 'bench';

class Finisher implements WorkHandler<null, null> {
  readonly queue = QUEUE;
  readonly stage = 'validate';

  load(items: readonly WorkItem[]): Promise<Map<string, null>> {
    return Promise.resolve(new Map(items.map(({ id }) => [id, null])));
  }

  perform(units: readonly Unit<null>[], settle: Settle<null, null>): Promise<void> {
    for (const unit of units) settle(unit, { kind: 'done', result: null });
    return Promise.resolve();
  }

  constructor(private readonly done: (items: number) => void) {}

  store(tx: { afterCommit(act: () => void): void }, done: readonly unknown[]): Promise<EventsByItem> {
    tx.afterCommit(() => this.done(done.length));
    return Promise.resolve(new Map());
  }

  delayed(): Promise<OutgoingEvent[]> {
    return Promise.resolve([]);
  }

  deadLettered(): Promise<EventsByItem> {
    return Promise.resolve(new Map());
  }
}

export function openDatabase(url: string): Promise<Database> {
  const limits = { pool_size: 10, statement_timeout_ms: 60_000 };
  return new Database({ url: fixedSecret(url), schema: SCHEMA, application_name: 'bench', ...limits }).open();
}

/** With `spread` of all ten priorities, which is the worst case of a claim. */
export function fillOurs(client: pg.Client, items: number, priority = '5'): Promise<unknown> {
  return client.query(
    `INSERT INTO ${SCHEMA}.work_items (id, queue, subject_id, generation, state, phase, priority, due_at, correlation_id)
     SELECT gen_random_uuid(), '${QUEUE}', n::text, 0, 'queued', 'work', ${priority},
       clock_timestamp() - (${items} - n) * interval '1 ms', 'bench'
     FROM generate_series(1, ${items}) AS n`,
  );
}

export async function prepareOurs(client: pg.Client): Promise<void> {
  await client.query(`CREATE SCHEMA ${SCHEMA}; SET search_path = ${SCHEMA}`);
  for (const text of WORK_QUEUE_MIGRATION_SQL) await client.query(text);
}

/** As a service runs it, guards and leases and all. */
const assay: Contender = {
  prepare: prepareOurs,
  fill: fillOurs,
  async drain(url, done) {
    const database = await openDatabase(url);
    const nobody = { available: true, publish: () => Promise.resolve([]) };
    const bytes = { work_max_bytes: 1024 * 1024, publish_max_bytes: 1024 * 1024 };
    const timing = { lease_ms: 30_000, sweep_interval_ms: 5_000, poll_first_ms: 250, poll_max_ms: 5_000 };
    const others = { owner: 'bench', priority_ageing_s: 30, publish_batch: 200 };
    const queue = new WorkQueue(database, nobody, { ...timing, ...bytes, ...others });
    queue.worker(new Finisher(done), { slots: 4_000, batch: 1_000 });
    queue.start();
    return async () => {
      await queue.stop();
      await database.close();
    };
  },
};

/** As its page on performance says: a local queue of 500, completions in batches, 24 jobs at once. */
const graphile: Contender = {
  prepare: (_client, url) => runMigrations({ connectionString: url, logger: silent() }),
  async fill(client, items) {
    await client.query(
      `INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('bench') ON CONFLICT DO NOTHING`,
    );
    await client.query(
      `INSERT INTO graphile_worker._private_jobs (task_id, payload)
       SELECT task.id, json_build_object('n', n)
       FROM graphile_worker._private_tasks AS task, generate_series(1, ${items}) AS n WHERE task.identifier = 'bench'`,
    );
  },
  async drain(url, done) {
    const batching = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
    const runner: Runner = await run({
      preset: { worker: { connectionString: url, concurrentJobs: 24, maxPoolSize: 25, ...batching } },
      taskList: { bench: () => done(1) },
      logger: silent(),
      noHandleSignals: true,
    });
    return () => runner.stop();
  },
};

function silent(): Logger {
  return new Logger(() => () => undefined);
}

const LOOPS = 4;
const BOSS_BATCH = 1_000;

/** Loops of fetch and complete: its own worker waits half a second between batches. */
const pgBoss: Contender = {
  async prepare(_client, url) {
    const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
    await boss.start();
    await boss.createQueue(QUEUE);
    await boss.stop({ graceful: false });
  },
  fill: (client, items) =>
    client.query(
      `INSERT INTO pgboss.job (name, data) SELECT '${QUEUE}', jsonb_build_object('n', n)
       FROM generate_series(1, ${items}) AS n`,
    ),
  async drain(url, done) {
    const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false, max: 10 });
    await boss.start();
    let stopped = false;
    const loop = async (): Promise<void> => {
      while (!stopped) {
        const jobs = await boss.fetch(QUEUE, { batchSize: BOSS_BATCH });
        if (jobs.length === 0) await nextTurn();
        else
          await boss.complete(
            QUEUE,
            jobs.map(({ id }) => id),
          );
        done(jobs.length);
      }
    };
    const loops = Array.from({ length: LOOPS }, loop);
    return async () => {
      stopped = true;
      await Promise.all(loops);
      await boss.stop({ graceful: false });
    };
  },
};

export const CONTENDERS = { assay, graphile, pg_boss: pgBoss };
export type ContenderName = keyof typeof CONTENDERS;
