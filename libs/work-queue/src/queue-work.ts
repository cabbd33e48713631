import { Failure } from '@assay/contracts';
import { createLog } from '@assay/observability';
import type { Database } from '@assay/postgres';
import type { Outcome, Settle, Unit, WorkHandler, WorkItem } from './item.js';
import type { ItemRepository } from './item.repository.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { oneByOne } from './one-by-one.js';
import type { Settlement } from './settlement.js';

const log = createLog('work-queue.work', ['work_failed', 'work_obsolete', 'crash_loop']);

/** Crashes after which an item is a dead letter (WQ-4). */
export const MAX_CRASHES = 3;

export interface QueueWorkParts<Body, Result> {
  database: Database;
  items: ItemRepository;
  leases: LeaseKeeper;
  settlement: Settlement<Body, Result>;
  /** Items whose outcome is known, or that go back: their lanes have room again. */
  onLeft: (items: readonly WorkItem[]) => void;
  /** Items that hold neither slot nor memory any longer, without a settlement. */
  onReleased: (items: readonly WorkItem[]) => void;
}

/** What a worker does with the items that it holds: their bodies, their work, and what is left when either fails. */
export class QueueWork<Body, Result> {
  constructor(
    private readonly parts: QueueWorkParts<Body, Result>,
    private readonly handler: WorkHandler<Body, Result>,
  ) {}

  async load(claimed: readonly WorkItem[]): Promise<void> {
    const { bodies, unread } = await this.#bodiesOf(claimed);
    const obsolete = claimed.filter(({ id }) => !bodies.has(id) && !unread.has(id));
    if (obsolete.length > 0) await this.#removeObsolete(obsolete);
    const units = claimed.filter(({ id }) => bodies.has(id)).map((item) => ({ item, body: bodies.get(item.id)! }));
    const looping = units.filter(({ item }) => item.crashes >= MAX_CRASHES);
    this.parts.onLeft(looping.map(({ item }) => item));
    for (const unit of looping) this.parts.settlement.add(unit, { kind: 'failed', failure: crashLoop(unit.item) });
    await this.perform(units.filter(({ item }) => item.crashes < MAX_CRASHES));
  }

  async perform(units: readonly Unit<Body>[]): Promise<void> {
    if (units.length === 0) return;
    const open = new Set(units);
    const settle = (unit: Unit<Body>, outcome: Outcome<Result>): void => {
      if (!open.delete(unit)) return;
      this.parts.onLeft([unit.item]);
      this.parts.settlement.add(unit, outcome);
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

  /** Work that was not begun goes back without an attempt. */
  async giveBack(claimed: readonly WorkItem[], due_in_ms: number): Promise<void> {
    this.parts.leases.drop(claimed);
    const entries = claimed.map((item) => ({ item, due_in_ms, attempt_failed: false }));
    // Should this fail, the lease ends by itself.
    await this.parts.items.putBack(this.parts.database, entries).catch(() => undefined);
    this.#release(claimed);
  }

  /** An item whose body cannot be read waits, and alone. */
  async #bodiesOf(claimed: readonly WorkItem[]): Promise<{ bodies: Map<string, Body>; unread: Set<string> }> {
    const bodies = new Map<string, Body>();
    const unread = new Set<string>();
    const wait = async (items: readonly WorkItem[], failure: Failure): Promise<void> => {
      log.error('work_failed', { queue: this.handler.queue, items: items.length, code: failure.code }, failure);
      for (const { id } of items) unread.add(id);
      await this.giveBack(items, failure.retryable ? 1_000 : 60_000);
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

  #failed(units: readonly Unit<Body>[], failure: Failure, settle: Settle<Body, Result>): void {
    if (units.length === 0) return;
    const log_fields = { queue: this.handler.queue, items: units.length, code: failure.code };
    if (failure.retryable) log.warn('work_failed', log_fields);
    else log.error('work_failed', log_fields, failure);
    for (const unit of units) settle(unit, { kind: 'failed', failure });
  }

  async #removeObsolete(obsolete: readonly WorkItem[]): Promise<void> {
    log.warn('work_obsolete', { queue: this.handler.queue, items: obsolete.length });
    this.parts.leases.drop(obsolete);
    await this.parts.items.remove(this.parts.database, obsolete).catch(() => undefined);
    this.#release(obsolete);
  }

  #release(items: readonly WorkItem[]): void {
    this.parts.onLeft(items);
    this.parts.onReleased(items);
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
