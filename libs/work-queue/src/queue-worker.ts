import { Failure } from '@assay/contracts';
import { createLog } from '@assay/observability';
import type { Database, Tx } from '@assay/postgres';
import { ActiveSlots } from './active-slots.js';
import type { BackoffOptions } from './backoff.js';
import { ClaimFloors } from './claim-floors.js';
import { IdleWait } from './idle-wait.js';
import type { Outcome, Settle, Unit, Worker, WorkHandler, WorkItem } from './item.js';
import type { ItemPublisher } from './item-publisher.js';
import type { ItemRepository } from './item.repository.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { claims } from './metrics.js';
import { oneByOne } from './one-by-one.js';
import { Settlement } from './settlement.js';
import { Slots } from './slots.js';
import type { Sweeper } from './sweeper.js';

const log = createLog('work-queue.worker', ['claim_failed', 'work_failed', 'work_obsolete', 'crash_loop']);

/** Crashes after which an item is a dead letter (WQ-4). */
export const MAX_CRASHES = 3;

export interface WorkerOptions {
  /** Items that may be at work in this process at once. */
  slots: number;
  /** Items that one claim takes at most. */
  batch: number;
  /**
   * Items that may be at work at once over all workers of all processes, exactly (WQ-5). None is born claimed then. Without
   * it there is no such limit, and it costs nothing.
   */
  max_active?: number;
}

/** What the workers of one service share. */
export interface WorkerParts {
  database: Database;
  items: ItemRepository;
  leases: LeaseKeeper;
  publisher: ItemPublisher;
  sweeper: Sweeper;
  poll: BackoffOptions;
  /** A part of the work has begun; returns what says that it has ended, by time-out or well. */
  due: () => () => void;
}

/**
 * One queue's work in this process: takes what was born claimed here, claims the rest, never more than its slots.
 *
 * An item that expired in a crash is claimed alone and worked beside the others; after its second crash it also works
 * alone in the process, so that a third cannot be charged to a neighbour (WQ-4). Alone from the first crash on would let
 * one kill of a busy process serialise all it had in hand.
 */
export class QueueWorker<Body, Result> implements Worker<Body> {
  private readonly database: Database;
  private readonly items: ItemRepository;
  private readonly leases: LeaseKeeper;
  private readonly sweeper: Sweeper;
  readonly #idle: IdleWait;
  readonly #due: () => () => void;
  readonly #settlement: Settlement<Body, Result>;
  readonly #slots: Slots;
  readonly #active: ActiveSlots | null;
  readonly #floors = new ClaimFloors();
  readonly #running = new Set<Promise<void>>();
  #backlog = false;
  #suspects = true;
  #alone = false;
  #loop: Promise<void> | undefined;
  #stopped = true;

  constructor(
    parts: WorkerParts,
    private readonly handler: WorkHandler<Body, Result>,
    private readonly options: WorkerOptions,
  ) {
    const { database, items, leases, publisher } = parts;
    this.database = database;
    this.items = items;
    this.leases = leases;
    this.sweeper = parts.sweeper;
    this.#idle = new IdleWait(parts.poll);
    this.#due = parts.due;
    const { max_active = null } = options;
    this.#slots = new Slots(Math.min(options.slots, max_active ?? options.slots));
    this.#active = max_active === null ? null : new ActiveSlots(database, items, handler.queue, max_active);
    this.#settlement = new Settlement({ database, items, leases, publisher }, handler, this.#due, (units) =>
      this.#ended(units),
    );
    if (handler.events) publisher.rebuild(handler.queue, (rebuilt) => handler.events!(rebuilt));
  }

  get queue(): string {
    return this.handler.queue;
  }

  reserve(n: number): number {
    if (this.#stopped || this.#backlog || this.#alone || this.#active) return 0;
    const granted = Math.max(0, Math.min(n, this.#slots.free));
    this.#slots.occupy(granted);
    return granted;
  }

  release(n: number): void {
    this.#slots.release(n);
  }

  accept(units: readonly Unit<Body>[]): void {
    if (units.length === 0) return;
    claims.add(units.length, { queue: this.handler.queue, way: 'born' });
    this.leases.hold(units.map(({ item }) => item));
    void this.#track(this.#perform(units));
  }

  notify(): void {
    this.#backlog = true;
    this.#idle.signal();
  }

  /** The sweeper has brought items back that expired in a crash. */
  notifySuspects(): void {
    this.#suspects = true;
    this.#idle.signal();
  }

  start(): void {
    this.#stopped = false;
    this.#loop = this.#run();
  }

  /** No new claims; waits until what is at work has been stored. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#idle.signal();
    this.#slots.wake();
    await this.#loop;
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.#settlement.idle();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const ended = this.#due();
      const wait_ms = await this.#round().catch((error: unknown) => {
        log.warn('claim_failed', { queue: this.handler.queue, code: Failure.from(error).code });
        return this.#idle.nextWaitMs(null);
      });
      ended();
      if (wait_ms > 0 && !this.#stopped) await this.#idle.wait(wait_ms);
    }
  }

  /** One claim; returns how long to wait for the next. */
  async #round(): Promise<number> {
    if (this.#slots.free <= 0) {
      await this.#slots.released();
      return 0;
    }
    if (this.#suspects && (await this.#claimSuspect())) return 0;
    const { free } = this.#slots;
    if (free <= 0) return 0;
    // A look at an empty queue leaves half of the slots to what is born claimed meanwhile.
    const limit = Math.min(this.#backlog ? free : Math.ceil(free / 2), this.options.batch);
    const claimed = await this.#claim('due', limit, (tx, n) =>
      this.items.claimDue(tx, this.handler.queue, n, this.#floors),
    );
    this.#backlog = claimed.length === limit;
    if (claimed.length > 0) {
      void this.#take(claimed);
      return 0;
    }
    // Expired items are nobody's: a claim path that has nothing else takes them back itself (WQ-4).
    if ((await this.sweeper.sweepIfStale()).length > 0) return 0;
    // Suspects become due like anything else: the idle poll looks for them too.
    this.#suspects = true;
    if (this.#active?.full) return this.#idle.nextWaitMs(null);
    const next_ms = await this.items.nextDueMs(this.database, this.handler.queue, this.#floors);
    // A claim that did not begin at the start has seen enough to wait for one that does, not for a poll.
    return Math.min(this.#idle.nextWaitMs(next_ms), this.#floors.wholeInMs ?? Number.POSITIVE_INFINITY);
  }

  /** A claim occupies its slots before it is sent, or a permit granted meanwhile would exceed them. */
  async #claim(way: string, slots: number, claim: (tx: Tx, limit: number) => Promise<WorkItem[]>): Promise<WorkItem[]> {
    let claimed: WorkItem[] = [];
    this.#slots.occupy(slots);
    try {
      claimed = await (this.#active ? this.#active.claim(slots, claim) : claim(this.database, slots));
    } finally {
      this.release(slots - claimed.length);
    }
    if (claimed.length > 0) {
      claims.add(claimed.length, { queue: this.handler.queue, way });
      this.leases.hold(claimed);
      this.#idle.reset();
    }
    return claimed;
  }

  async #claimSuspect(): Promise<boolean> {
    const [suspect] = await this.#claim('suspect', 1, (tx) => this.items.claimSuspect(tx, this.handler.queue));
    this.#suspects = suspect !== undefined;
    if (!suspect) return false;
    if (suspect.crashes < MAX_CRASHES - 1) void this.#take([suspect]);
    else await this.#takeAlone(suspect);
    return true;
  }

  async #takeAlone(suspect: WorkItem): Promise<void> {
    this.#alone = true;
    while (this.#slots.occupied > 1 && !this.#stopped) await this.#slots.released();
    if (this.#stopped) await this.#giveBack([suspect], 0);
    else await this.#take([suspect]);
    while (this.#slots.occupied > 0 && !this.#stopped) await this.#slots.released();
    this.#alone = false;
  }

  #take(claimed: readonly WorkItem[]): Promise<void> {
    return this.#track(this.#load(claimed));
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    return tracked;
  }

  async #load(claimed: readonly WorkItem[]): Promise<void> {
    const { bodies, unread } = await this.#bodiesOf(claimed);
    const obsolete = claimed.filter(({ id }) => !bodies.has(id) && !unread.has(id));
    if (obsolete.length > 0) await this.#removeObsolete(obsolete);
    const units = claimed.filter(({ id }) => bodies.has(id)).map((item) => ({ item, body: bodies.get(item.id)! }));
    const looping = units.filter(({ item }) => item.crashes >= MAX_CRASHES);
    for (const unit of looping) this.#settlement.add(unit, { kind: 'failed', failure: crashLoop(unit.item) });
    await this.#perform(units.filter(({ item }) => item.crashes < MAX_CRASHES));
  }

  /** An item whose body cannot be read waits, and alone. */
  async #bodiesOf(claimed: readonly WorkItem[]): Promise<{ bodies: Map<string, Body>; unread: Set<string> }> {
    const bodies = new Map<string, Body>();
    const unread = new Set<string>();
    const wait = async (items: readonly WorkItem[], failure: Failure): Promise<void> => {
      log.error('work_failed', { queue: this.handler.queue, items: items.length, code: failure.code }, failure);
      for (const { id } of items) unread.add(id);
      await this.#giveBack(items, failure.retryable ? 1_000 : 60_000);
    };
    const left = await oneByOne(
      claimed,
      async (items) => {
        for (const [id, body] of await this.handler.load(items)) bodies.set(id, body);
      },
      (item, failure) => wait([item], failure),
    );
    if (left) await wait(left.units, left.failure);
    return { bodies, unread };
  }

  async #perform(units: readonly Unit<Body>[]): Promise<void> {
    if (units.length === 0) return;
    const open = new Set(units);
    const settle = (unit: Unit<Body>, outcome: Outcome<Result>): void => {
      if (open.delete(unit)) this.#settlement.add(unit, outcome);
    };
    const left = await oneByOne(
      units,
      async (some) => {
        const unsettled = some.filter((unit) => open.has(unit));
        if (unsettled.length > 0) await this.handler.perform(unsettled, settle);
      },
      (unit, failure) => this.#failed([unit], failure, settle),
    );
    if (left) this.#failed(left.units, left.failure, settle);
    const silent = new Error(`queue ${this.handler.queue} left work without an outcome`);
    this.#failed([...open], Failure.from(silent), settle);
  }

  #failed(units: readonly Unit<Body>[], failure: Failure, settle: Settle<Body, Result>): void {
    if (units.length === 0) return;
    const log_fields = { queue: this.handler.queue, items: units.length, code: failure.code };
    if (failure.retryable) log.warn('work_failed', log_fields);
    else log.error('work_failed', log_fields, failure);
    for (const unit of units) settle(unit, { kind: 'failed', failure });
  }

  /** Work that was not begun goes back without an attempt. */
  async #giveBack(claimed: readonly WorkItem[], due_in_ms: number): Promise<void> {
    this.leases.drop(claimed);
    const entries = claimed.map((item) => ({ item, due_in_ms, attempt_failed: false }));
    // Should this fail, the lease ends by itself.
    await this.items.putBack(this.database, entries).catch(() => undefined);
    this.#ended(claimed.length);
  }

  async #removeObsolete(obsolete: readonly WorkItem[]): Promise<void> {
    log.warn('work_obsolete', { queue: this.handler.queue, items: obsolete.length });
    this.leases.drop(obsolete);
    await this.items.remove(this.database, obsolete).catch(() => undefined);
    this.#ended(obsolete.length);
  }

  /** What was at work has come to its end. Where slots are counted over all processes it was perhaps the last of them. */
  #ended(n: number): void {
    this.release(n);
    if (this.#active) this.#idle.signal();
  }
}

function crashLoop(item: WorkItem): Failure {
  log.error('crash_loop', { queue: item.queue, subject_id: item.subject_id, crashes: item.crashes });
  return new Failure({
    error_class: 'WORKER_CRASH_LOOP',
    code: 'worker_crash_loop',
    retryable: false,
    message: `${item.crashes} workers ended while they held this item`,
  });
}
