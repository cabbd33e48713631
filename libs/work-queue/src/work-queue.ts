import type { OutgoingEvent } from '@assay/contracts';
import type { Database, Tx } from '@assay/postgres';
import { Liveness } from '@assay/service';
import type { BackoffOptions } from './backoff.js';
import type { EventSource, NewItem, Worker, WorkHandler, WorkItem } from './item.js';
import { bytesOfEvents, ItemPublisher } from './item-publisher.js';
import { ItemRepository } from './item.repository.js';
import type { SweptItem } from './item.repository.js';
import { LaneRepository } from './lane.repository.js';
import { LeaseKeeper } from './lease-keeper.js';
import type { EventPublisher } from './publisher.js';
import { QueueGauges } from './queue-gauges.js';
import { QueueWorker } from './queue-worker.js';
import { bare } from './settlement.js';
import type { WorkerOptions } from './queue-worker.js';
import { Sweeper } from './sweeper.js';

export interface WorkQueueOptions {
  /** Names this process; must differ between replicas. */
  owner: string;
  lease_ms: number;
  /** After what share of it a lease is renewed (WQ-2); default a third. */
  lease_renewal_share?: number;
  sweep_interval_ms: number;
  priority_ageing_s: number;
  work_max_bytes: number;
  publish_max_bytes: number;
  publish_batch: number;
  /** First and longest wait of an idle loop's poll (WQ-6). */
  poll_first_ms: number;
  poll_max_ms: number;
}

/** `/livez` fails where the queue had work to do and no part of it came to an end for so long (GEN-10). */
const MAX_SILENCE_MS = 120_000;

/**
 * One service's leased work items: everything that must not be lost lives here until its effect is stored and Kafka has
 * acknowledged what tells of it (docs/adr/0001-one-mechanism.md).
 */
export class WorkQueue {
  readonly #items: ItemRepository;
  readonly #lanes = new LaneRepository();
  readonly #leases: LeaseKeeper;
  readonly #publisher: ItemPublisher;
  readonly #sweeper: Sweeper;
  readonly #gauges: QueueGauges;
  readonly #poll: BackoffOptions;
  readonly #due: () => () => void;
  readonly #workers: QueueWorker<never, never>[] = [];
  #started = false;

  constructor(
    private readonly database: Database,
    port: EventPublisher,
    private readonly options: WorkQueueOptions,
    liveness: Liveness = new Liveness(),
  ) {
    this.#due = () => liveness.due('work_queue', MAX_SILENCE_MS);
    this.#items = new ItemRepository(options.owner, options.lease_ms, options.priority_ageing_s);
    this.#leases = new LeaseKeeper(database, this.#items, options.lease_renewal_share);
    this.#gauges = new QueueGauges(database, this.#items);
    this.#poll = { first_ms: options.poll_first_ms, cap_ms: options.poll_max_ms };
    this.#publisher = new ItemPublisher(database, this.#items, this.#leases, port, {
      max_bytes: options.publish_max_bytes,
      claim_batch: options.publish_batch,
      poll: this.#poll,
      due: this.#due,
    });
    this.#sweeper = new Sweeper(database, this.#items, this.#lanes, options.sweep_interval_ms, (swept) =>
      this.#wake(swept),
    );
  }

  /** Name of this process in `claimed_by`. */
  get owner(): string {
    return this.options.owner;
  }

  get lease_ms(): number {
    return this.options.lease_ms;
  }

  /**
   * Creates items in the caller's transaction, in order. The first `claimed` are born claimed (WQ-2): as many as
   * {@link Worker.reserve} granted; after the commit they go to {@link Worker.accept}.
   */
  insert(tx: Tx, items: readonly NewItem[], options: { claimed?: number } = {}): WorkItem[] {
    for (const { queue, has_lanes } of this.#workers) {
      const own = items.filter((item) => item.queue === queue && item.phase === 'work');
      if (own.some(({ lane }) => !lane === has_lanes)) {
        throw new Error(`items of queue ${queue} ${has_lanes ? 'need a lane' : 'have no lane'}`);
      }
      // Its handler loads bodies once their lane has room: a claim that carried them would not be bounded (WQ-11).
      if (has_lanes && own.some(({ payload }) => payload)) throw new Error(`items of queue ${queue} have no payload`);
    }
    return this.#items.insert(tx, items, options.claimed ?? 0);
  }

  /** Registers a queue's handler; before {@link start}, or the worker starts at once. */
  worker<Body, Result>(handler: WorkHandler<Body, Result>, options: WorkerOptions): Worker<Body> {
    const parts = {
      database: this.database,
      items: this.#items,
      lanes: this.#lanes,
      leases: this.#leases,
      publisher: this.#publisher,
      sweeper: this.#sweeper,
      poll: this.#poll,
      work_max_bytes: this.options.work_max_bytes,
      due: this.#due,
    };
    const worker = new QueueWorker(parts, handler, options);
    this.#workers.push(worker as unknown as QueueWorker<never, never>);
    this.#gauges.know(handler.queue);
    if (this.#started) worker.start();
    return worker;
  }

  /**
   * Creates items in phase `publish`, in the caller's transaction, with the events of each. Call what it returns after
   * the commit: it publishes straight from memory what was born claimed, all or none, and else wakes the publisher.
   */
  tell(tx: Tx, telling: readonly { item: NewItem; events: readonly OutgoingEvent[] }[]): () => void {
    if (telling.length === 0) return () => undefined;
    const bytes = telling.reduce((sum, { events }) => sum + bytesOfEvents(events), 0);
    const claimed = this.#publisher.slots(telling.length, bytes);
    const items = telling.map(({ item }) => item);
    const born = this.#items.insert(tx, items, claimed);
    return () => {
      if (claimed < born.length) this.#publisher.notify();
      else
        this.#publisher.publishSoon(born.map((item, index) => ({ item: bare(item), events: telling[index]!.events })));
    };
  }

  /**
   * Makes what waits for a later time due now, in the caller's transaction: returns the subjects of which that is so.
   * Then {@link Worker.notify}; other replicas come to it with their next poll.
   */
  makeDue(tx: Tx, queue: string, subject_ids: readonly string[]): Promise<string[]> {
    return subject_ids.length === 0 ? Promise.resolve([]) : this.#items.makeDue(tx, queue, subject_ids);
  }

  /** How the events of a queue that has no worker are rebuilt when an item has no payload. */
  eventsOf(queue: string, source: EventSource): void {
    this.#publisher.rebuild(queue, source);
    this.#gauges.know(queue);
  }

  /** Items in phase `publish` were queued in this process. */
  notify(): void {
    this.#publisher.notify();
  }

  start(): void {
    this.#started = true;
    this.#leases.start();
    this.#sweeper.start();
    this.#publisher.start();
    for (const worker of this.#workers) worker.start();
    this.#gauges.start();
  }

  /** The process is about to stop: nothing is claimed, and nothing born claimed, from this moment on (OPS-1). */
  claimNoMore(): void {
    for (const worker of this.#workers) worker.claimNoMore();
  }

  /** No new claims; finishes what is at work, publishes and deletes what it can, then lets the leases go (OPS-1). */
  async stop(): Promise<void> {
    if (!this.#started) return;
    this.#started = false;
    this.#gauges.stop();
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.#publisher.stop();
    await this.#sweeper.stop();
    await this.#leases.stop();
  }

  /** Takes back expired items once, as the `sweep` command does. */
  sweepOnce(): Promise<SweptItem[]> {
    return this.#sweeper.sweepAndMark();
  }

  #wake(swept: readonly SweptItem[]): void {
    if (swept.some(({ phase }) => phase === 'publish')) this.#publisher.notify();
    for (const worker of this.#workers) {
      if (swept.some(({ queue, phase }) => phase === 'work' && queue === worker.queue)) worker.notifySuspects();
    }
  }
}
