import type { OutgoingEvent } from '@assay/contracts';
import { Rate } from '@assay/service';
import { WorkQueue } from '@assay/work-queue';
import type { EventsByItem, Lanes, NewItem, Settle, Unit, Worker, WorkHandler, WorkItem } from '@assay/work-queue';
import type pg from 'pg';
import { percentile } from '../statistics.js';
import { openDatabase } from './contenders.js';

const QUEUE = 'bench';
const HEALTHY = 'healthy';
const DEAD = 'dead';
const METERED = 'metered';
const DEAD_ROWS = 100_000;
const METERED_ROWS = 10_000;
const METERED_PER_S = 5;
/** As a webhook endpoint has by default. */
const CONCURRENCY = 32;
const PROBE_MS = 1_000;
const DRAINED = 10_000;
const DELAYS = 200;
/** In turn, and the best of each counts: what else a machine does only adds. */
const ROUNDS = 3;
const SOURCES = 4;

export interface HealthyLane {
  /** From the beginning of the transaction that queues an item until it is at work; median. */
  p50_ms: number;
  /** Items a second, of a backlog of 10,000, 32 at once. */
  drained_per_s: number;
}

/** One lane alone, and beside 100,000 rows behind a dead and 10,000 behind a rate-limited one (WQ-9). */
export async function healthyLane(
  client: pg.Client,
  url: string,
): Promise<{ alone: HealthyLane; beside: HealthyLane }> {
  const [alone, beside]: [HealthyLane[], HealthyLane[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    await client.query('TRUNCATE bench.work_items, bench.work_lanes');
    alone.push(await measure(client, url));
    await fillLane(client, DEAD, DEAD_ROWS);
    await fillLane(client, METERED, METERED_ROWS);
    beside.push(await measure(client, url));
  }
  return { alone: bestOf(alone), beside: bestOf(beside) };
}

function bestOf(rounds: readonly HealthyLane[]): HealthyLane {
  return {
    p50_ms: Math.min(...rounds.map(({ p50_ms }) => p50_ms)),
    drained_per_s: Math.max(...rounds.map(({ drained_per_s }) => drained_per_s)),
  };
}

async function measure(client: pg.Client, url: string): Promise<HealthyLane> {
  await client.query('VACUUM ANALYZE bench.work_items, bench.work_lanes');
  await client.query('CHECKPOINT');
  const database = await openDatabase(url);
  const nobody = { available: true, publish: () => Promise.resolve([]) };
  const timing = { lease_ms: 30_000, sweep_interval_ms: 5_000, poll_first_ms: 250, poll_max_ms: 5_000 };
  const bytes = { work_max_bytes: 1024 * 1024, publish_max_bytes: 1024 * 1024 };
  const others = { owner: 'bench', priority_ageing_s: 30, publish_batch: 200, ...bytes };
  const queue = new WorkQueue(database, nobody, { ...timing, ...others });
  const receiver = new Receiver();
  const worker = queue.worker(receiver, { slots: 512, batch: 100 });
  queue.start();
  try {
    const insert = (item: NewItem) => database.transaction((tx) => queue.insert(tx, [item]));
    const taken_ms: number[] = [];
    for (let n = 0; n < DELAYS; n += 1) taken_ms.push(await delayMs(insert, receiver, worker, n));
    const drained = receiver.further(DRAINED);
    await fillLane(client, HEALTHY, DRAINED);
    worker.notify();
    await drained;
    const took_ms = performance.now() - receiver.first_at_ms;
    return {
      p50_ms: Number(percentile(taken_ms, 0.5).toFixed(2)),
      drained_per_s: Math.round(DRAINED / (took_ms / 1_000)),
    };
  } finally {
    await queue.stop();
    await database.close();
  }
}

async function delayMs(
  insert: (item: NewItem) => Promise<unknown>,
  receiver: Receiver,
  worker: Worker<null>,
  n: number,
): Promise<number> {
  const at_work = receiver.further(1);
  const begun_at_ms = performance.now();
  await insert({
    ...{ queue: QUEUE, lane: HEALTHY, source: `source-${n % SOURCES}`, subject_id: `delay-${n}`, generation: 0 },
    ...{ priority: 5, phase: 'work', correlation_id: 'bench', traceparent: null },
  });
  worker.notify();
  await at_work;
  return performance.now() - begun_at_ms;
}

/** In one statement, with the lane's mark. */
async function fillLane(client: pg.Client, lane: string, rows: number): Promise<void> {
  await client.query(
    `WITH filled AS (
       INSERT INTO bench.work_items (id, queue, lane, source, subject_id, generation, state, phase, priority, due_at, correlation_id)
       SELECT gen_random_uuid(), '${QUEUE}', $1::text, 'source-' || n % ${SOURCES}, $1::text || n, 0, 'queued', 'work', 5,
         clock_timestamp(), 'bench'
       FROM generate_series(1, $2::int) AS n
     )
     INSERT INTO bench.work_lanes (queue, lane, due_at) VALUES ('${QUEUE}', $1::text, clock_timestamp())`,
    [lane, rows],
  );
}

/** Room as destinations give it: one is well, one has its circuit open, of one the rate is small. */
class Rooms implements Lanes {
  readonly #rate = new Rate({ per_s: METERED_PER_S, burst: METERED_PER_S });
  #at_work = 0;
  #probe_at_ms = 0;

  take(lane: string): boolean {
    if (lane === DEAD) {
      if (performance.now() < this.#probe_at_ms) return false;
      this.#probe_at_ms = performance.now() + PROBE_MS;
      return true;
    }
    if (lane === METERED) {
      if (this.#rate.waitMs() > 0) return false;
      this.#rate.take();
      return true;
    }
    if (this.#at_work >= CONCURRENCY) return false;
    this.#at_work += 1;
    return true;
  }

  leave(lane: string, used: boolean): void {
    if (lane === METERED && !used) this.#rate.giveBack();
    if (lane === HEALTHY) this.#at_work -= 1;
  }

  roomInMs(lane: string): number | null {
    if (lane === DEAD) return Math.max(0, this.#probe_at_ms - performance.now());
    return lane === METERED ? Math.max(0, this.#rate.waitMs()) : null;
  }
}

/** Work that takes no time; what goes to the dead lane waits again. */
class Receiver implements WorkHandler<null, null> {
  readonly queue = QUEUE;
  readonly stage = 'notify';
  readonly lanes = new Rooms();
  /** When the first of those was at work that are waited for. */
  first_at_ms = 0;
  #wanted = 0;
  #come: () => void = () => undefined;

  /** Resolves when so many more of the healthy lane have been at work. */
  further(items: number): Promise<void> {
    this.#wanted = items;
    this.first_at_ms = 0;
    return new Promise((resolve) => (this.#come = resolve));
  }

  load(items: readonly WorkItem[]): Promise<Map<string, null>> {
    return Promise.resolve(new Map(items.map(({ id }) => [id, null])));
  }

  perform(units: readonly Unit<null>[], settle: Settle<null, null>): Promise<void> {
    for (const unit of units) {
      if (unit.item.lane === HEALTHY) this.#count();
      if (unit.item.lane === DEAD) settle(unit, { kind: 'parked', due_in_ms: PROBE_MS, reason: 'circuit_open' });
      else settle(unit, { kind: 'done', result: null });
    }
    return Promise.resolve();
  }

  store(): Promise<EventsByItem> {
    return Promise.resolve(new Map());
  }

  delayed(): Promise<OutgoingEvent[]> {
    return Promise.resolve([]);
  }

  deadLettered(): Promise<EventsByItem> {
    return Promise.resolve(new Map());
  }

  #count(): void {
    this.first_at_ms ||= performance.now();
    this.#wanted -= 1;
    if (this.#wanted === 0) this.#come();
  }
}
