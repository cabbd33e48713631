/**
 * One of the processes that contend for a queue: several workers, each with a name, connections and leases of its own.
 * Whatever it does to an item may be interrupted: it is killed, stopped, and now and then stands still by itself for
 * longer than its leases last. Ends on SIGTERM once what it holds is stored.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Failure, jobEvent } from '@assay/contracts';
import type { OutgoingEvent } from '@assay/contracts';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { WorkQueue } from '@assay/work-queue';
import type {
  DeadUnit,
  DoneUnit,
  EventPublisher,
  EventsByItem,
  Outcome,
  PublishResult,
  Settle,
  Unit,
  WorkHandler,
  WorkItem,
} from '@assay/work-queue';
import { SeededRandom } from '../random.js';
import { CONTENDED_QUEUE, contendedItem } from './contended-item.js';

export interface ContenderOptions {
  url: string;
  schema: string;
  /** Of this process; each of its workers adds its number. */
  name: string;
  seed: number;
  workers: number;
  lease_ms: number;
  /** Items that this process creates, born claimed as far as its workers have room. */
  born: number;
  /** Of the work on one item. */
  longest_work_ms: number;
  /** Items at work at once over all workers; null: no limit. */
  max_active: number | null;
  /** One item in so many lets the whole process stand still. */
  stall_one_in: number;
}

/** Kafka's part: one publication in ten is not acknowledged. */
class UnsteadyPublisher implements EventPublisher {
  available = true;

  constructor(private readonly random: SeededRandom) {}

  publish(events: readonly OutgoingEvent[]): Promise<PublishResult[]> {
    this.available = this.random.between(1, 10) > 1;
    if (this.available) return Promise.resolve(events.map(() => ({ kind: 'acked' })));
    const failure = new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'away', retryable: true, message: '' });
    return Promise.resolve(events.map(() => ({ kind: 'unavailable', failure })));
  }
}

class Contender implements WorkHandler<string, string> {
  readonly queue = CONTENDED_QUEUE;
  readonly stage = 'validate';

  constructor(
    private readonly database: Database,
    private readonly random: SeededRandom,
    private readonly options: ContenderOptions,
  ) {}

  /** No attempt is the last: what ends as a dead letter has lost three workers. */
  retryInMs(): number {
    return this.random.between(0, 200);
  }

  load(items: readonly WorkItem[]): Promise<Map<string, string>> {
    return Promise.resolve(new Map(items.map(({ id, subject_id }) => [id, subject_id])));
  }

  async perform(units: readonly Unit<string>[], settle: Settle<string, string>): Promise<void> {
    await Promise.all(units.map(async (unit) => settle(unit, await this.#work(unit))));
  }

  async store(tx: Tx, done: readonly DoneUnit<string, string>[]): Promise<EventsByItem> {
    await this.#end(tx, 'done', done);
    // Half of them end with their effect, the other half must be published first.
    const telling = done.filter(() => this.random.between(0, 1) === 1);
    return new Map(telling.map(({ unit }) => [unit.item.id, [anEvent(unit.item)]]));
  }

  delayed(): Promise<OutgoingEvent[]> {
    return Promise.resolve([]);
  }

  async deadLettered(tx: Tx, units: readonly DeadUnit<string>[]): Promise<EventsByItem> {
    await this.#end(tx, 'dead', units);
    return new Map();
  }

  async #work({ item }: Unit<string>): Promise<Outcome<string>> {
    const { longest_work_ms, stall_one_in, lease_ms } = this.options;
    await pause(this.random.between(1, longest_work_ms));
    if (this.random.between(1, stall_one_in) === 1) standStill(this.random.between(lease_ms, lease_ms * 3));
    const way = this.random.between(1, 20);
    if (way === 1) return { kind: 'parked', due_in_ms: this.random.between(0, 200), reason: 'contention' };
    if (way === 2) return { kind: 'failed', failure: Failure.from(new BusyError()) };
    await this.#noteFinished(item);
    return { kind: 'done', result: item.subject_id };
  }

  #noteFinished({ id, lease }: WorkItem): Promise<unknown> {
    return this.database.execute(
      `INSERT INTO finished SELECT $1, $2, NOT EXISTS (SELECT FROM work_items WHERE id = $1 AND lease_token = $2)`,
      [id, lease.token],
    );
  }

  #end(tx: Tx, kind: string, ended: readonly { unit: Unit<string> }[]): Promise<number> {
    const items = ended.map(({ unit }) => unit.item);
    return tx.execute(`INSERT INTO endings SELECT *, $3 FROM unnest($1::uuid[], $2::uuid[])`, [
      items.map(({ id }) => id),
      items.map(({ lease }) => lease.token),
      kind,
    ]);
  }
}

class BusyError extends Failure {
  constructor() {
    super({ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'busy', retryable: true, message: 'busy' });
  }
}

/** Nothing of this process runs meanwhile, and so nothing renews. */
function standStill(stall_ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stall_ms);
}

function anEvent({ subject_id }: WorkItem): OutgoingEvent {
  const about = { job_id: subject_id, source: 'contention', changelist_id: '1', review_version: 1, generation: 0 };
  const occurred_at = '2026-01-01T00:00:00.000Z';
  const common = { ...about, revision: 1, occurred_at, correlation_id: 'contention' };
  const delay_data = { stage: 'validate', subject_type: 'job', subject_id, attempt: 1, max_attempts: 5 } as const;
  const why = { error_class: 'DEPENDENCY_UNAVAILABLE', code: 'away', next_due_at: occurred_at, summary: null } as const;
  return jobEvent('stage.delayed', { ...common, ...delay_data, ...why }, { traceparent: null });
}

async function startWorker(options: ContenderOptions, number: number) {
  const owner = `${options.name}-${number}`;
  const random = new SeededRandom(options.seed * 1_000 + number);
  const database = await new Database({
    url: fixedSecret(options.url),
    schema: options.schema,
    pool_size: 2,
    statement_timeout_ms: 10_000,
    application_name: owner,
  }).open();
  const queue = new WorkQueue(database, new UnsteadyPublisher(random), {
    owner,
    lease_ms: options.lease_ms,
    sweep_interval_ms: options.lease_ms,
    priority_ageing_s: 30,
    work_max_bytes: 1024 * 1024,
    publish_max_bytes: 1024 * 1024,
    publish_batch: 10,
    poll_first_ms: 20,
    poll_max_ms: 200,
  });
  const worker = queue.worker(new Contender(database, random, options), {
    slots: 4,
    batch: 3,
    max_active: options.max_active ?? undefined,
  });
  queue.start();
  await database.execute('INSERT INTO arrivals VALUES ($1)', [owner]);
  return { database, queue, worker, random };
}

type RunningWorker = Awaited<ReturnType<typeof startWorker>>;

/** Born claimed as far as there is room; the rest waits in the table like all others. */
async function bear({ database, queue, worker, random }: RunningWorker, subjects: readonly string[]): Promise<void> {
  const permits = worker.reserve(subjects.length);
  const items = await database.transaction((tx) =>
    queue.insert(
      tx,
      subjects.map((subject) => ({ ...contendedItem(subject, random), due_in_ms: 0 })),
      { claimed: permits.items },
    ),
  );
  worker.accept(items.slice(0, permits.items).map((item) => ({ item, body: item.subject_id })));
  worker.notify();
}

async function main(options: ContenderOptions): Promise<void> {
  const workers = await Promise.all(Array.from({ length: options.workers }, (_, n) => startWorker(options, n)));
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map(({ queue }) => queue.stop()));
    await Promise.all(workers.map(({ database }) => database.close()));
    process.exit(0);
  };
  process.once('SIGTERM', () => void stop());
  const share = Math.ceil(options.born / options.workers);
  const subjects = (n: number) => Array.from({ length: share }, (_, m) => `${options.name}-${n}-${m}`);
  await Promise.all(workers.map((worker, n) => bear(worker, subjects(n))));
}

await main(JSON.parse(process.argv[2]!) as ContenderOptions);
