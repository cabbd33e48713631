import type { Failure, OutgoingEvent } from '@assay/contracts';
import { createLog } from '@assay/observability';
import type { Database } from '@assay/postgres';
import { AcknowledgedItems } from './acknowledged-items.js';
import { fullJitterMs } from './backoff.js';
import type { BackoffOptions } from './backoff.js';
import { decodeEvents, encodeEvents } from './event-codec.js';
import { IdleWait } from './idle-wait.js';
import type { EventsByItem, WorkItem } from './item.js';
import type { ItemRepository } from './item.repository.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { claims, publications } from './metrics.js';
import { oneByOne } from './one-by-one.js';
import type { EventPublisher, PublishResult } from './publisher.js';
import { rejectionEvents } from './publish-rejection.js';

const log = createLog('work-queue.publishing', ['publish_unavailable', 'publish_rejected', 'publishing_failed']);

export interface Publishable {
  item: WorkItem;
  events: readonly OutgoingEvent[];
}

export type EventRebuilder = (items: readonly WorkItem[]) => Promise<EventsByItem>;

export interface ItemPublisherOptions {
  /** Bytes of events that may wait in memory; what comes above it waits in the table (WQ-1). */
  max_bytes: number;
  /** Items that one claim of left-over events takes. */
  claim_batch: number;
  /** Polls while nothing is left over, and probes while Kafka is away. */
  poll: BackoffOptions;
  /** A part of the work has begun; returns what says that it has ended, by time-out or well. */
  due: () => () => void;
}

/** While Kafka is away a single item asks whether it is back. */
const PROBE_BATCH = 1;
/** Left-over items whose events are built together: 200 bodies of 6 MiB at once would be the end of the process. */
const BUILD_BATCH = 16;

/**
 * Phase `publish` of every queue of a service: publishes straight from memory what this process has just stored,
 * claims what others left, and has an item deleted once Kafka has acknowledged all its events. Never spends attempts or
 * crash counts, and never gives up because Kafka is away (WQ-1).
 */
export class ItemPublisher {
  readonly #idle: IdleWait;
  readonly #rebuilders = new Map<string, EventRebuilder>();
  readonly #acknowledged: AcknowledgedItems;
  readonly #running = new Set<Promise<void>>();
  #bytes = 0;
  #backlog = false;
  #unavailable_rounds = 0;
  #loop: Promise<void> | undefined;
  #stopped = true;

  constructor(
    private readonly database: Database,
    private readonly items: ItemRepository,
    private readonly leases: LeaseKeeper,
    private readonly port: EventPublisher,
    private readonly options: ItemPublisherOptions,
  ) {
    this.#idle = new IdleWait(options.poll);
    this.#acknowledged = new AcknowledgedItems(database, items, leases);
  }

  /** How many of `n` new items may be born claimed and published from memory: all or none. */
  slots(n: number): number {
    return !this.#stopped && this.port.available && !this.#backlog && this.#bytes < this.options.max_bytes ? n : 0;
  }

  rebuild(queue: string, rebuilder: EventRebuilder): void {
    this.#rebuilders.set(queue, rebuilder);
  }

  /** Items that this process holds in phase `publish`, with their events; returns at once. */
  publishSoon(entries: readonly Publishable[]): void {
    if (entries.length === 0) return;
    this.leases.hold(entries.map(({ item }) => item));
    const work = this.#publish(entries).finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  /** The same for items whose effect an earlier run has stored: their events are read, or rebuilt, first. */
  publishStored(items: readonly WorkItem[]): void {
    if (items.length === 0) return;
    this.leases.hold(items);
    const work = this.#withEvents(items)
      .then((entries) => this.#publish(entries))
      .catch((error: unknown) => {
        log.error('publishing_failed', { items: items.length }, error);
        return this.#putBack(items, this.options.poll.cap_ms);
      })
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  notify(): void {
    this.#backlog = true;
    this.#idle.signal();
  }

  start(): void {
    this.#stopped = false;
    this.#loop = this.#run();
  }

  /** Ends the loop, waits for what is on its way and deletes what was acknowledged. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#idle.signal();
    await this.#loop;
    await Promise.all(this.#running);
    await this.#acknowledged.flush();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const ended = this.options.due();
      const wait_ms = await this.#round().catch((error: unknown) => {
        log.warn('publishing_failed', { code: (error as { code?: string }).code });
        return this.#idle.nextWaitMs(null);
      });
      ended();
      if (wait_ms > 0 && !this.#stopped) await this.#idle.wait(wait_ms);
    }
  }

  /** One claim of left-over items; returns how long to wait for the next. */
  async #round(): Promise<number> {
    if (this.#bytes >= this.options.max_bytes) {
      await Promise.race(this.#running);
      return 0;
    }
    const limit = this.port.available ? this.options.claim_batch : PROBE_BATCH;
    const claimed = await this.items.claimUnpublished(this.database, limit);
    this.#backlog = claimed.length === limit && limit > PROBE_BATCH;
    if (claimed.length === 0) return this.#idle.nextWaitMs(await this.items.nextPublishDueMs(this.database));
    claims.add(claimed.length, { queue: 'any', way: 'publish' });
    this.#idle.reset();
    this.leases.hold(claimed);
    for (let start = 0; start < claimed.length; start += BUILD_BATCH) {
      await this.#publish(await this.#withEvents(claimed.slice(start, start + BUILD_BATCH)));
    }
    return this.port.available ? 0 : this.#idle.nextWaitMs(null);
  }

  async #withEvents(claimed: readonly WorkItem[]): Promise<Publishable[]> {
    const entries: Publishable[] = [];
    const bare = new Map<string, WorkItem[]>();
    for (const item of claimed) {
      if (item.payload) entries.push({ item, events: decodeEvents(item.payload) });
      else bare.set(item.queue, [...(bare.get(item.queue) ?? []), item]);
    }
    for (const [queue, items] of bare) entries.push(...(await this.#rebuild(queue, items)));
    return entries;
  }

  /** Events from stored rows. An item whose events cannot be built waits, for they are owed (WQ-1), and alone. */
  async #rebuild(queue: string, items: readonly WorkItem[]): Promise<Publishable[]> {
    const entries: Publishable[] = [];
    const rebuilder = this.#rebuilders.get(queue);
    const wait = async (unbuilt: readonly WorkItem[], failure: Failure): Promise<void> => {
      log.error(
        'publishing_failed',
        { queue, items: unbuilt.length, first_subject_id: unbuilt[0]!.subject_id },
        failure,
      );
      await this.#putBack(unbuilt, this.options.poll.cap_ms);
    };
    const left = await oneByOne(
      items,
      async (some) => {
        if (!rebuilder) throw new Error(`nothing rebuilds the events of queue ${queue}`);
        const events = await rebuilder(some);
        for (const item of some) entries.push({ item, events: events.get(item.id) ?? [] });
      },
      (item, failure) => wait([item], failure),
    );
    if (left) await wait(left.units, left.failure);
    return entries;
  }

  async #publish(entries: readonly Publishable[]): Promise<void> {
    const events = entries.flatMap((entry) => entry.events);
    const bytes = events.reduce((sum, event) => sum + event.data.length, 0);
    this.#bytes += bytes;
    try {
      const results = events.length === 0 ? [] : await this.port.publish(events);
      await this.#settle(entries, results);
    } catch (error) {
      log.error('publishing_failed', { items: entries.length }, error);
      await this.#putBack(
        entries.map(({ item }) => item),
        this.options.poll.cap_ms,
      );
    } finally {
      this.#bytes -= bytes;
    }
  }

  async #settle(entries: readonly Publishable[], results: readonly PublishResult[]): Promise<void> {
    const unavailable: WorkItem[] = [];
    let next = 0;
    for (const { item, events } of entries) {
      const own = results.slice(next, (next += events.length));
      for (const { kind } of own) publications.add(1, { result: kind });
      if (own.some(({ kind }) => kind === 'rejected')) await this.#rejectOrWait(item, events, own);
      else if (own.some(({ kind }) => kind === 'unavailable')) unavailable.push(item);
      else this.#acknowledged.add(item);
    }
    if (unavailable.length === 0) {
      if (results.length > 0) this.#unavailable_rounds = 0;
      return;
    }
    this.#unavailable_rounds += 1;
    log.warn('publish_unavailable', { items: unavailable.length });
    await this.#putBack(unavailable, fullJitterMs(this.#unavailable_rounds, this.options.poll));
  }

  /** What cannot be rejected now, for Postgres is away, is published again later; its neighbours are done. */
  async #rejectOrWait(item: WorkItem, events: readonly OutgoingEvent[], own: readonly PublishResult[]): Promise<void> {
    try {
      await this.#reject(item, events, own);
    } catch (error) {
      log.error('publishing_failed', { queue: item.queue, subject_id: item.subject_id }, error);
      await this.#putBack([item], this.options.poll.cap_ms);
    }
  }

  /**
   * A record refused for ever becomes a small dead letter (WQ-1), which is published in its place; what of the same item
   * was not acknowledged stays owed.
   */
  async #reject(item: WorkItem, events: readonly OutgoingEvent[], own: readonly PublishResult[]): Promise<void> {
    const now = await this.database.now();
    const owed = events.flatMap((event, index) => {
      const result = own[index]!;
      if (result.kind === 'acked') return [];
      if (result.kind === 'unavailable') return [event];
      log.error(
        'publish_rejected',
        { queue: item.queue, event_id: event.id, code: result.failure.code },
        result.failure,
      );
      return rejectionEvents(item, event, result.failure, now);
    });
    const kept = await this.items.advanceOwned(this.database, { item, payload: encodeEvents(owed) });
    if (kept) this.publishSoon([{ item, events: owed }]);
    else await this.leases.lose([item]);
  }

  async #putBack(items: readonly WorkItem[], due_in_ms: number): Promise<void> {
    if (items.length === 0) return;
    this.leases.drop(items);
    // Should this fail too, the lease ends by itself and the sweeper brings the items back.
    await this.items
      .putBack(
        this.database,
        items.map((item) => ({ item, due_in_ms, attempt_failed: false })),
      )
      .catch((error: unknown) => {
        log.warn('publishing_failed', { items: items.length, code: (error as { code?: string }).code });
      });
  }
}
