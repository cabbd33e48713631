import { Failure } from '@assay/contracts';
import { createLog } from '@assay/observability';
import type { Database } from '@assay/postgres';
import { ActiveSlots } from './active-slots.js';
import type { BackoffOptions } from './backoff.js';
import { HeldBytes } from './held-bytes.js';
import { IdleWait } from './idle-wait.js';
import type { Permits, Unit, Worker, WorkHandler, WorkItem } from './item.js';
import type { ItemPublisher } from './item-publisher.js';
import type { ItemRepository } from './item.repository.js';
import { DueClaims, LaneClaims } from './lane-claims.js';
import type { Claims, RunClaim } from './lane-claims.js';
import type { LaneRepository } from './lane.repository.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { claims } from './metrics.js';
import { MAX_CRASHES, QueueWork } from './queue-work.js';
import { Settlement } from './settlement.js';
import { Slots } from './slots.js';
import type { Sweeper } from './sweeper.js';

const log = createLog('work-queue.worker', ['claim_failed']);

/** Room that becomes free is gathered for so long, so that a busy lane is claimed from by several and not one by one. */
const GATHER_MS = 5;

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
  lanes: LaneRepository;
  leases: LeaseKeeper;
  publisher: ItemPublisher;
  sweeper: Sweeper;
  poll: BackoffOptions;
  /** Bytes of payloads that the items of one queue may hold at once (WQ-11). */
  work_max_bytes: number;
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
  private readonly leases: LeaseKeeper;
  private readonly sweeper: Sweeper;
  readonly #claims: Claims;
  /** The same, where the queue has lanes (WQ-9). */
  readonly #laned: LaneClaims | null;
  readonly #idle: IdleWait;
  readonly #due: () => () => void;
  readonly #settlement: Settlement<Body, Result>;
  readonly #work: QueueWork<Body, Result>;
  readonly #slots: Slots;
  readonly #bytes: HeldBytes;
  readonly #active: ActiveSlots | null;
  readonly #running = new Set<Promise<void>>();
  #backlog = false;
  #suspects = true;
  #alone = false;
  #loop: Promise<void> | undefined;
  #stopped = true;
  #gathering: NodeJS.Timeout | undefined;

  constructor(
    parts: WorkerParts,
    private readonly handler: WorkHandler<Body, Result>,
    private readonly options: WorkerOptions,
  ) {
    const { database, items, lanes, leases, publisher } = parts;
    const { queue } = handler;
    const { max_active = null } = options;
    this.#active = max_active === null ? null : new ActiveSlots(database, items, queue, max_active);
    const run: RunClaim = (limit, claim) => (this.#active ? this.#active.claim(limit, claim) : claim(database, limit));
    this.#laned = handler.lanes ? new LaneClaims({ database, items, lanes, run }, queue, handler.lanes) : null;
    this.#claims = this.#laned ?? new DueClaims(database, items, queue, run);
    this.leases = leases;
    this.sweeper = parts.sweeper;
    this.#idle = new IdleWait(parts.poll);
    this.#due = parts.due;
    this.#slots = new Slots(Math.min(options.slots, max_active ?? options.slots));
    this.#bytes = new HeldBytes(parts.work_max_bytes);
    this.#settlement = new Settlement(
      { database, items, leases, publisher },
      handler,
      this.#due,
      (settled) => this.#ended(settled),
      (due_in_ms) => this.#putBack(due_in_ms),
    );
    const leaving = {
      onLeft: (left: readonly WorkItem[]) => this.#left(left),
      onReleased: (released: readonly WorkItem[]) => this.#ended(released),
    };
    this.#work = new QueueWork({ database, items, leases, settlement: this.#settlement, ...leaving }, handler);
    if (handler.rebuilt) publisher.rebuild(handler.queue, handler.rebuilt);
  }

  get queue(): string {
    return this.handler.queue;
  }

  get has_lanes(): boolean {
    return this.#laned !== null;
  }

  reserve(items: number, bytes = 0): Permits {
    if (this.#stopped || this.#backlog || this.#alone || this.#active) return { items: 0, bytes: 0 };
    const granted = {
      items: Math.max(0, Math.min(items, this.#slots.free)),
      bytes: Math.min(bytes, this.#bytes.free),
    };
    this.#slots.occupy(granted.items);
    this.#bytes.take(granted.bytes);
    return granted;
  }

  release({ items, bytes }: Permits): void {
    this.#bytes.giveBack(bytes);
    this.#slots.release(items);
  }

  reserveIn(lanes: readonly string[]): Map<string, number> {
    const granted = new Map<string, number>();
    if (this.#stopped || this.#alone || this.#active) return granted;
    for (const lane of lanes) {
      if (this.#slots.free <= 0) break;
      if (this.#laned!.hasBacklog(lane) || !this.handler.lanes!.take(lane, false)) continue;
      this.#slots.occupy(1);
      granted.set(lane, (granted.get(lane) ?? 0) + 1);
    }
    return granted;
  }

  releaseIn(lanes: ReadonlyMap<string, number>): void {
    for (const [lane, n] of lanes) {
      for (let unused = n; unused > 0; unused -= 1) this.handler.lanes!.leave(lane, false);
      this.release({ items: n, bytes: 0 });
    }
  }

  accept(units: readonly Unit<Body>[]): void {
    if (units.length === 0) return;
    claims.add(units.length, { queue: this.handler.queue, way: 'born' });
    this.leases.hold(units.map(({ item }) => item));
    void this.#track(this.#work.perform(units));
  }

  notify(): void {
    this.#backlog = true;
    this.#claims.notify();
    this.#idle.signal();
  }

  /** The sweeper has brought items back that expired in a crash. */
  notifySuspects(): void {
    this.#suspects = true;
    this.#claims.notify();
    this.#idle.signal();
  }

  start(): void {
    this.#stopped = false;
    this.#loop = this.#run();
  }

  /** No new claims, from this moment on. */
  claimNoMore(): void {
    this.#stopped = true;
    this.#claims.close();
    this.#idle.signal();
    this.#slots.wake();
  }

  /** Waits until what is at work has been stored. */
  async stop(): Promise<void> {
    this.claimNoMore();
    await this.#loop;
    clearTimeout(this.#gathering);
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
    if (this.#slots.free <= 0 || this.#bytes.free <= 0) {
      await this.#slots.released();
      return 0;
    }
    if (this.#suspects && (await this.#claimSuspect())) return 0;
    const { free } = this.#slots;
    if (free <= 0 || this.#stopped) return 0;
    // A look at an empty queue leaves half of the slots to what is born claimed meanwhile.
    const limit = Math.min(this.#backlog ? free : Math.ceil(free / 2), this.options.batch);
    const room = { bytes: this.#bytes.free, alone: !this.#bytes.any };
    const granted = { items: limit, bytes: room.bytes };
    const claimed = await this.#claim('due', granted, () => this.#claims.next(limit, room));
    this.#backlog = claimed.length === limit;
    if (claimed.length > 0) {
      void this.#take(claimed);
      return 0;
    }
    await this.#claims.tidy();
    // Expired items are nobody's: a claim path that has nothing else takes them back itself (WQ-4).
    if ((await this.sweeper.sweepIfStale()).length > 0) return 0;
    // Suspects become due like anything else: the idle poll looks for them too.
    this.#suspects = true;
    if (this.#active?.full) return this.#idle.nextWaitMs(null);
    const due_ms = await this.#claims.nextDueMs();
    // What is due and was not claimed has a payload too large to go beside what is held: it goes once that has ended.
    const waits_for_room = this.#bytes.any && due_ms !== null && due_ms <= 0;
    const wait_ms = this.#idle.nextWaitMs(waits_for_room ? null : due_ms);
    return Math.min(wait_ms, this.#claims.againInMs ?? Number.POSITIVE_INFINITY);
  }

  /** A claim occupies slots and memory before it is sent, or a permit granted meanwhile would exceed them. */
  async #claim(way: string, granted: Permits, claim: () => Promise<WorkItem[]>): Promise<WorkItem[]> {
    let claimed: WorkItem[] = [];
    this.#slots.occupy(granted.items);
    this.#bytes.take(granted.bytes);
    try {
      claimed = await claim();
    } finally {
      this.release({ items: granted.items - claimed.length, bytes: granted.bytes - bytesOf(claimed) });
    }
    if (claimed.length > 0) {
      claims.add(claimed.length, { queue: this.handler.queue, way });
      this.leases.hold(claimed);
      this.#idle.reset();
    }
    return claimed;
  }

  async #claimSuspect(): Promise<boolean> {
    // Whatever its payload: it is the only one beyond the bound, for nothing is claimed until there is room again.
    const [suspect] = await this.#claim('suspect', { items: 1, bytes: 0 }, () => this.#claims.suspect());
    this.#suspects = suspect !== undefined;
    if (!suspect) return false;
    if (suspect.crashes < MAX_CRASHES - 1) void this.#take([suspect]);
    else await this.#takeAlone(suspect);
    return true;
  }

  async #takeAlone(suspect: WorkItem): Promise<void> {
    this.#alone = true;
    while (this.#slots.occupied > 1 && !this.#stopped) await this.#slots.released();
    if (this.#stopped) await this.#work.giveBack([suspect], 0);
    else await this.#take([suspect]);
    while (this.#slots.occupied > 0 && !this.#stopped) await this.#slots.released();
    this.#alone = false;
  }

  #take(claimed: readonly WorkItem[]): Promise<void> {
    return this.#track(this.#work.load(claimed));
  }

  #track(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    return tracked;
  }

  /** An idle worker sleeps no longer than until then. */
  #putBack(due_in_ms: number): void {
    if (!this.#laned) return;
    this.#laned.dueIn(due_in_ms);
    this.#idle.signal();
  }

  /** Room in their lanes is free again; what waits for some is claimed for several at once. */
  #left(items: readonly WorkItem[]): void {
    if (!this.#laned || items.length === 0) return;
    for (const { lane } of items) this.handler.lanes!.leave(lane!, true);
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#idle.signal();
    }, GATHER_MS);
  }

  /**
   * What was at work has come to its end. Where slots are counted over all processes it was perhaps the last of them, and
   * what waits for room for its payload may have it now.
   */
  #ended(items: readonly WorkItem[]): void {
    const bytes = bytesOf(items);
    this.release({ items: items.length, bytes });
    if (this.#active || bytes > 0) this.#idle.signal();
  }
}

function bytesOf(items: readonly WorkItem[]): number {
  return items.reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0);
}
