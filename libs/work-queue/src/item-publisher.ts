import type { Failure, OutgoingEvent } from '@assay/contracts';
import { createLog } from '@assay/observability';
import type { Database } from '@assay/postgres';
import { AcknowledgedItems } from './acknowledged-items.js';
import { fullJitterMs } from './backoff.js';
import type { BackoffOptions } from './backoff.js';
import { decodeEvents, encodeEvents } from './event-codec.js';
import { fitting, groupsOf } from './held-bytes.js';
import { IdleWait } from './idle-wait.js';
import type { EventSource, WorkItem } from './item.js';
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
/**
 * What is read together of left-over items, be it with the claim or from the rows that their events are built from: 200
 * bodies of 6 MiB at once would be the end of the process. A larger one goes alone (WQ-11).
 */
const READ_BYTES = 8 * 1024 * 1024;

/**
 * Phase `publish` of every queue of a service: publishes straight from memory what this process has just stored,
 * claims what others left, and has an item deleted once Kafka has acknowledged all its events. Never spends attempts or
 * crash counts, and never gives up because Kafka is away (WQ-1).
 */
export class ItemPublisher {
  readonly #idle: IdleWait;
  readonly #sources = new Map<string, EventSource>();
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

  /** How many of `n` new items, with so many bytes of events, may be born claimed and published from memory: all or none. */
  slots(n: number, bytes: number): number {
    const alone = n === 1 && this.#bytes === 0;
    return !this.#stopped && this.port.available && !this.#backlog && (alone || this.#fits(bytes)) ? n : 0;
  }

  rebuild(queue: string, source: EventSource): void {
    this.#sources.set(queue, source);
  }

  /**
   * Items that this process holds in phase `publish`, with their events; returns at once. Those whose events are more than
   * memory is set aside for go back to the table, whose claims take them up again (WQ-1).
   */
  publishSoon(entries: readonly Publishable[]): void {
    if (entries.length === 0) return;
    this.leases.hold(entries.map(({ item }) => item));
    const sizes = entries.map(({ events }) => bytesOfEvents(events));
    const room = fitting(sizes, this.options.max_bytes - this.#bytes);
    const kept = entries.slice(0, Math.max(room, this.#bytes === 0 ? 1 : 0));
    if (kept.length > 0) this.#track(this.#publish(kept));
    if (kept.length < entries.length) this.#track(this.#leave(entries.slice(kept.length)));
  }

  /** Whether so many bytes more may wait in memory. */
  #fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.options.max_bytes;
  }

  async #leave(entries: readonly Publishable[]): Promise<void> {
    await this.#putBack(
      entries.map(({ item }) => item),
      0,
    );
    this.notify();
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** The same for items whose effect an earlier run has stored: their events are read, or rebuilt, first. */
  publishStored(items: readonly WorkItem[]): void {
    if (items.length === 0) return;
    this.leases.hold(items);
    this.#track(
      this.#publishRead(items).catch((error: unknown) => {
        log.error('publishing_failed', { items: items.length }, error);
        return this.#putBack(items, this.options.poll.cap_ms);
      }),
    );
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
    const room = { bytes: Math.min(READ_BYTES, this.options.max_bytes - this.#bytes), alone: this.#bytes === 0 };
    const claimed = await this.items.claimUnpublished(this.database, limit, room);
    this.#backlog = claimed.length === limit && limit > PROBE_BATCH;
    if (claimed.length === 0) return this.#waitForNext();
    claims.add(claimed.length, { queue: 'any', way: 'publish' });
    this.#idle.reset();
    this.leases.hold(claimed);
    await this.#publishRead(claimed);
    return this.port.available ? 0 : this.#idle.nextWaitMs(null);
  }

  async #waitForNext(): Promise<number> {
    const due_ms = await this.items.nextPublishDueMs(this.database);
    if (this.#running.size === 0 || due_ms === null || due_ms > 0) return this.#idle.nextWaitMs(due_ms);
    // What is due and was not claimed is too large to wait beside what does.
    await Promise.race(this.#running);
    return 0;
  }

  /** Reads the events of items, and publishes them, in groups that memory is set aside for. */
  async #publishRead(items: readonly WorkItem[]): Promise<void> {
    const bytes = await this.#bytesToRead(items);
    for (const group of groupsOf(items, ({ id }) => bytes.get(id) ?? 0, READ_BYTES)) {
      await this.#publish(await this.#withEvents(group));
    }
  }

  /** Of items whose events are built from rows; where that cannot be told, each goes alone. */
  async #bytesToRead(items: readonly WorkItem[]): Promise<Map<string, number>> {
    const bytes = new Map<string, number>();
    const built = items.filter(({ payload }) => !payload);
    for (const queue of new Set(built.map((item) => item.queue))) {
      const of_queue = built.filter((item) => item.queue === queue);
      try {
        for (const [id, size] of (await this.#sources.get(queue)?.bytesOf(of_queue)) ?? []) bytes.set(id, size);
      } catch (error) {
        log.warn('publishing_failed', { queue, code: (error as { code?: string }).code });
        for (const { id } of of_queue) bytes.set(id, READ_BYTES);
      }
    }
    return bytes;
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
    const source = this.#sources.get(queue);
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
        if (!source) throw new Error(`nothing rebuilds the events of queue ${queue}`);
        const events = await source.eventsOf(some);
        for (const item of some) entries.push({ item, events: events.get(item.id) ?? [] });
      },
      (item, failure) => wait([item], failure),
    );
    if (left) await wait(left.units, left.failure);
    return entries;
  }

  async #publish(entries: readonly Publishable[]): Promise<void> {
    const events = entries.flatMap((entry) => entry.events);
    const bytes = bytesOfEvents(events);
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

export function bytesOfEvents(events: readonly OutgoingEvent[]): number {
  return events.reduce((sum, { data }) => sum + data.length, 0);
}
