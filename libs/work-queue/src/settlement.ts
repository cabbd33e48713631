import { Failure } from '@assay/contracts';
import { createLog } from '@assay/observability';
import type { Database, Tx } from '@assay/postgres';
import { fiveAttempts, fullJitterMs, IDLE_BACKOFF } from './backoff.js';
import { encodeEvents } from './event-codec.js';
import type {
  DeadUnit,
  DelayedUnit,
  DoneUnit,
  EventsByItem,
  FailedAttempt,
  Outcome,
  Unit,
  WorkHandler,
  WorkItem,
} from './item.js';
import type { ItemPublisher, Publishable } from './item-publisher.js';
import type { ItemRepository } from './item.repository.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { outcomes } from './metrics.js';
import { oneByOne } from './one-by-one.js';

const log = createLog('work-queue.settlement', [
  'settling_failed',
  'settling_refused',
  'stage_delayed',
  'stage_dead_lettered',
]);

/** As many as a claim takes at most: what is claimed together is settled together, by one commit. */
const BATCH = 1_000;

interface Settled<Body, Result> {
  unit: Unit<Body>;
  outcome: Outcome<Result>;
}

interface Retried<Body> extends FailedAttempt<Body> {
  due_in_ms: number;
}

interface Parked<Body> {
  unit: Unit<Body>;
  due_in_ms: number;
  /** By the database's clock. */
  at: string;
}

interface SettlementParts {
  database: Database;
  items: ItemRepository;
  leases: LeaseKeeper;
  publisher: ItemPublisher;
}

interface Effect {
  publish: Publishable[];
  /** Had their effect by a commit whose answer was lost (WQ-10): what is stored of them is published. */
  stored: WorkItem[];
  /** Put back to wait, or ended without anything to publish. */
  gone: WorkItem[];
  lost: WorkItem[];
  /** In how many ms the first of those that were put back is due. */
  due_in_ms: number;
}

/**
 * The effect of a queue's work: outcomes that become known while one transaction is under way share the next one, so a
 * busy queue commits in batches and an idle one at once. Everything in it is guarded by owner and token (GEN-3), and by the
 * phase: after a commit whose answer was lost the same batch comes again, and its effect must not (WQ-10).
 */
export class Settlement<Body, Result> {
  readonly #waiting: Settled<Body, Result>[] = [];
  #flushing: Promise<void> | undefined;

  constructor(
    private readonly parts: SettlementParts,
    private readonly handler: WorkHandler<Body, Result>,
    private readonly due: () => () => void,
    private readonly onSettled: (items: readonly WorkItem[]) => void,
    private readonly onPutBack: (due_in_ms: number) => void,
  ) {}

  add(unit: Unit<Body>, outcome: Outcome<Result>): void {
    this.#waiting.push({ unit, outcome });
    this.#flushing ??= this.#flush().finally(() => (this.#flushing = undefined));
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    await this.#flushing;
  }

  /** While Postgres is away, again and again: whether a batch is still ours the guard decides. */
  async #flush(): Promise<void> {
    // Lets the outcomes of this turn of the event loop gather.
    await new Promise(setImmediate);
    for (let round = 1; this.#waiting.length > 0;) {
      const batch = this.#waiting.splice(0, BATCH);
      const ended = this.due();
      const failure = await this.#settle(batch);
      ended();
      if (failure === null) round = 1;
      else {
        log.warn('settling_failed', { queue: this.handler.queue, items: batch.length, code: failure.code });
        await new Promise((resolve) => setTimeout(resolve, fullJitterMs(round++, IDLE_BACKOFF)));
      }
    }
  }

  /** Stores a batch; what an outage leaves waits first in line. Returns that outage's failure. */
  async #settle(batch: readonly Settled<Body, Result>[]): Promise<Failure | null> {
    const live = batch.filter(({ unit }) => !unit.item.lease.lost);
    const again: Settled<Body, Result>[] = [];
    const left = await oneByOne(
      live,
      (entries) => this.#store(entries),
      async (entry, failure) => void again.push(...(await this.#refuse(entry, failure))),
    );
    again.push(...(left?.units ?? []));
    this.#waiting.unshift(...again);
    const waiting = new Set(again.map(({ unit }) => unit));
    this.onSettled(batch.flatMap(({ unit }) => (waiting.has(unit) ? [] : [unit.item])));
    return left?.failure ?? null;
  }

  /** A result that cannot be stored is this item's own failure; when even that is refused, the sweeper has it. */
  async #refuse({ unit }: Settled<Body, Result>, failure: Failure): Promise<Settled<Body, Result>[]> {
    log.error('settling_refused', { queue: this.handler.queue, subject_id: unit.item.subject_id }, failure);
    const entry: Settled<Body, Result> = { unit, outcome: { kind: 'failed', failure } };
    try {
      await this.#store([entry]);
    } catch (error) {
      if (Failure.from(error).retryable) return [entry];
      log.error('settling_refused', { queue: this.handler.queue, subject_id: unit.item.subject_id }, error);
      this.parts.leases.drop([unit.item]);
    }
    return [];
  }

  async #store(batch: readonly Settled<Body, Result>[]): Promise<void> {
    const effect = await this.parts.database.transaction((tx) => this.#apply(tx, batch));
    this.#count(batch);
    this.parts.leases.drop(effect.gone);
    if (Number.isFinite(effect.due_in_ms)) this.onPutBack(effect.due_in_ms);
    this.parts.publisher.publishSoon(effect.publish);
    this.parts.publisher.publishStored(effect.stored);
    await this.parts.leases.lose(effect.lost);
  }

  #count(batch: readonly Settled<Body, Result>[]): void {
    const by_kind = new Map<string, number>();
    for (const { outcome } of batch) by_kind.set(outcome.kind, (by_kind.get(outcome.kind) ?? 0) + 1);
    for (const [kind, n] of by_kind) outcomes.add(n, { queue: this.handler.queue, kind });
  }

  async #apply(tx: Tx, batch: readonly Settled<Body, Result>[]): Promise<Effect> {
    const locking = this.parts.items.lockOwned(
      tx,
      batch.map(({ unit }) => unit.item),
    );
    const [owned, at] = await Promise.all([locking, this.#clock(tx, batch)]);
    const effect: Effect = { publish: [], stored: [], gone: [], lost: [], due_in_ms: Number.POSITIVE_INFINITY };
    const done: DoneUnit<Body, Result>[] = [];
    const dead: DeadUnit<Body>[] = [];
    const retried: Retried<Body>[] = [];
    const parked: Parked<Body>[] = [];
    for (const { unit, outcome } of batch) {
      const locked = owned.get(unit.item.id);
      if (locked === undefined) effect.lost.push(unit.item);
      else if (locked.phase === 'publish')
        effect.stored.push({ ...unit.item, phase: 'publish', payload: locked.events });
      else if (outcome.kind === 'done') done.push({ unit, result: outcome.result });
      else if (outcome.kind === 'parked') parked.push({ unit, due_in_ms: outcome.due_in_ms, at });
      else {
        const { failure } = outcome;
        this.#judge({ unit, failure, attempt: unit.item.attempts + 1, failed_at: at }, retried, dead);
      }
    }
    effect.due_in_ms = Math.min(effect.due_in_ms, ...[...retried, ...parked].map(({ due_in_ms }) => due_in_ms));
    await this.#advanceDone(tx, done, effect);
    await this.#delay(tx, retried, effect);
    await this.#end(tx, dead, effect);
    await this.#park(tx, parked, effect);
    return effect;
  }

  /** Behind the locks, by the database's clock; of a batch that is all done nobody asks it. */
  async #clock(tx: Tx, batch: readonly Settled<Body, Result>[]): Promise<string> {
    if (batch.every(({ outcome }) => outcome.kind === 'done')) return '';
    const [row] = await tx.query<{ now: string }>('SELECT clock_timestamp() AS now');
    return row!.now;
  }

  #judge(failed: FailedAttempt<Body>, retried: Retried<Body>[], dead: DeadUnit<Body>[]): void {
    const { unit, failure, attempt, failed_at } = failed;
    const due_in_ms = failure.retryable ? this.#retryInMs(failed) : null;
    if (due_in_ms !== null) retried.push({ ...failed, due_in_ms });
    else {
      const first_failure_at = unit.item.first_failure_at ?? failed_at;
      dead.push({ unit, failure, attempts: attempt, first_failure_at, last_failure_at: failed_at });
    }
  }

  #retryInMs(failed: FailedAttempt<Body>): number | null {
    return this.handler.retryInMs ? this.handler.retryInMs(failed) : fiveAttempts(failed);
  }

  async #advanceDone(tx: Tx, done: readonly DoneUnit<Body, Result>[], effect: Effect): Promise<void> {
    if (done.length === 0) return;
    const events = await this.handler.store(tx, done);
    await this.#advance(
      tx,
      done.map(({ unit }) => unit.item),
      events,
      this.handler.rebuilt !== undefined,
      effect,
    );
  }

  /** `work → publish` for items with events; those without any end here. */
  async #advance(
    tx: Tx,
    items: readonly WorkItem[],
    events: EventsByItem,
    rebuilt: boolean,
    effect: Effect,
  ): Promise<void> {
    const telling = items.filter(({ id }) => (events.get(id)?.length ?? 0) > 0);
    const silent = items.filter(({ id }) => (events.get(id)?.length ?? 0) === 0);
    this.parts.items.advanceLocked(
      tx,
      telling.map((item) => ({ item, payload: rebuilt ? null : encodeEvents(events.get(item.id)!) })),
    );
    this.parts.items.removeLocked(tx, silent);
    // What was worked on is in its events, as far as it is told: it is not held beside them.
    effect.publish.push(...telling.map((item) => ({ item: bare(item), events: events.get(item.id)! })));
    effect.gone.push(...silent);
  }

  /** Failed attempts are due again later; their `stage.delayed` events are items of their own, born claimed. */
  async #delay(tx: Tx, retried: readonly Retried<Body>[], effect: Effect): Promise<void> {
    if (retried.length === 0) return;
    const due = await this.parts.items.putBack(
      tx,
      retried.map(({ unit, due_in_ms, failed_at }) => ({
        ...this.#entry(unit, failed_at),
        due_in_ms,
        attempt_failed: true,
      })),
    );
    const delayed: DelayedUnit<Body>[] = retried.map(({ unit, failure, attempt }) => ({
      unit,
      failure,
      attempt,
      next_due_at: due.get(unit.item.id)!,
    }));
    for (const { unit, failure, attempt, next_due_at } of delayed) {
      log.warn('stage_delayed', { ...aboutItem(unit.item), attempt, code: failure.code, next_due_at });
    }
    const events = await this.handler.delayed(tx, delayed);
    const items = this.parts.items.insert(
      tx,
      events.map((event) => ({
        queue: this.handler.queue,
        subject_id: event.subject,
        generation: 0,
        priority: 5,
        phase: 'publish' as const,
        payload: encodeEvents([event]),
        correlation_id: event.correlation_id,
        traceparent: event.traceparent,
      })),
      events.length,
    );
    effect.gone.push(...retried.map(({ unit }) => unit.item));
    effect.publish.push(...items.map((item, index) => ({ item: bare(item), events: [events[index]!] })));
  }

  async #end(tx: Tx, dead: readonly DeadUnit<Body>[], effect: Effect): Promise<void> {
    if (dead.length === 0) return;
    for (const { unit, failure, attempts } of dead) {
      const level = failure.error_class === 'PROGRAMMING_ERROR' ? 'error' : 'warn';
      log[level]('stage_dead_lettered', {
        ...aboutItem(unit.item),
        attempts,
        error_class: failure.error_class,
        code: failure.code,
      });
    }
    await this.#advance(
      tx,
      dead.map(({ unit }) => unit.item),
      await this.handler.deadLettered(tx, dead),
      false,
      effect,
    );
  }

  #entry(unit: Unit<Body>, at: string): { item: WorkItem; overdue_in_ms: number | null } {
    return { item: unit.item, overdue_in_ms: this.handler.overdueInMs?.(unit, at) ?? null };
  }

  async #park(tx: Tx, parked: readonly Parked<Body>[], effect: Effect): Promise<void> {
    await this.parts.items.putBack(
      tx,
      parked.map(({ unit, due_in_ms, at }) => ({ ...this.#entry(unit, at), due_in_ms, attempt_failed: false })),
    );
    effect.gone.push(...parked.map(({ unit }) => unit.item));
  }
}

/** An item in phase `publish`, without its payload: its events are at hand. */
export function bare(item: WorkItem): WorkItem {
  return { ...item, phase: 'publish', payload: null };
}

function aboutItem(item: WorkItem): Record<string, unknown> {
  return {
    queue: item.queue,
    subject_id: item.subject_id,
    generation: item.generation,
    correlation_id: item.correlation_id,
  };
}
