import type { PublicUrls } from '@assay/service';
import { Inject, Injectable } from '@nestjs/common';
import type { ReceivedEvent, ReviewValidated } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { WorkQueue } from '@assay/work-queue';
import type { Unit, WorkItem } from '@assay/work-queue';
import { deliveries, DeliveryItems, DeliveryWorker } from '../delivery/index.js';
import type { DeliveryBody, DeliveryToQueue } from '../delivery/index.js';
import { IntakeBatch } from './intake-batch.js';
import type { BornDelivery, IntakeResult } from './intake-batch.js';
import { parentItem } from './parent-item.js';

const log = createLog('notifier.intake', ['review_known', 'review_superseded', 'deliveries_adopted']);
const reviews = counter('assay_notifier_reviews_total', 'Validated reviews by how they were taken in');

/** Nest token of {@link PublicUrls}. */
export const LINKS = Symbol('Links');

interface TakenIn extends IntakeResult {
  items: WorkItem[];
  /** Those that are born claimed. */
  claimed: Unit<DeliveryBody>[];
  publish: () => void;
}

/** Turns judged reviews into deliveries (DEL-1), adopts what an earlier job sent (ING-4), supersedes (ING-6). */
@Injectable()
export class IntakeService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(DeliveryWorker) private readonly deliveryWorker: DeliveryWorker,
    @Inject(DeliveryItems) private readonly deliveryItems: DeliveryItems,
    @Inject(IntakeBatch) private readonly batch: IntakeBatch,
    @Inject(LINKS) private readonly links: PublicUrls,
  ) {}

  /** One transaction per round; a round holds each changelist once, so that its versions are judged one after the other. */
  async take(events: readonly ReceivedEvent<ReviewValidated>[]): Promise<void> {
    const accepted = events.filter((event) => event.data.outcome === 'accepted' && event.data.result !== null);
    reviews.add(events.length - accepted.length, { taken: 'rejected' });
    for (const round of inRounds(accepted)) await this.#takeRound(round);
  }

  async #takeRound(round: readonly ReceivedEvent<ReviewValidated>[]): Promise<void> {
    const { worker } = this.deliveryWorker;
    const unused = this.deliveryWorker.reserve(round.flatMap(({ data }) => data.recipients));
    try {
      const taken = await this.database.transaction((tx) => this.#store(tx, round, new Map(unused)));
      for (const { item } of taken.claimed) useOne(unused, item.lane!);
      worker.accept(taken.claimed);
      if (taken.claimed.length < taken.items.length) worker.notify();
      taken.publish();
      this.#count(round.length, taken);
    } finally {
      worker.releaseIn(unused);
    }
  }

  /** @param permits by lane; those that are used go */
  async #store(
    tx: Tx,
    round: readonly ReceivedEvent<ReviewValidated>[],
    permits: Map<string, number>,
  ): Promise<TakenIn> {
    const result = await this.batch.store(tx, this.queue.owner, round, this.links);
    const [first, later] = partition(result.born, ({ row }) => useOne(permits, this.deliveryItems.laneOf(row)));
    const wanted = [...[...first, ...later].map(toQueue), ...result.revived].map((each) => this.deliveryItems.of(each));
    const items = wanted.length === 0 ? [] : this.queue.insert(tx, wanted, { claimed: first.length });
    const claimed = first.map((born, index) => unitOf(items[index]!, born));
    const publish = this.queue.tell(
      tx,
      result.tell.map(({ parent, event }) => ({ item: parentItem(parent, [event]), events: [event] })),
    );
    return { ...result, items, claimed, publish };
  }

  #count(size: number, taken: TakenIn): void {
    const { known, superseded, cancelled, adopted } = taken;
    reviews.add(size - known.length, { taken: 'new' });
    reviews.add(known.length, { taken: 'known' });
    for (const { job_id, generation } of known) log.info('review_known', { job_id, generation });
    for (const { id, job_id, channel } of superseded) {
      log.info('review_superseded', { delivery_id: id, job_id });
      deliveries.add(1, { channel, state: 'superseded' });
    }
    for (const { channel, state } of cancelled) deliveries.add(1, { channel, state });
    if (adopted.length > 0) log.info('deliveries_adopted', { deliveries: adopted.length });
  }
}

/** Batches in which no changelist comes twice. */
function inRounds(events: readonly ReceivedEvent<ReviewValidated>[]): ReceivedEvent<ReviewValidated>[][] {
  const rounds: ReceivedEvent<ReviewValidated>[][] = [];
  const seen = new Map<string, number>();
  for (const event of events) {
    const times = seen.get(event.key) ?? 0;
    seen.set(event.key, times + 1);
    (rounds[times] ??= []).push(event);
  }
  return rounds;
}

function unitOf(item: WorkItem, { row, review, at_hand }: BornDelivery): Unit<DeliveryBody> {
  return { item, body: { row, review, at_hand } };
}

function toQueue({ row, priority, correlation_id, traceparent }: BornDelivery): DeliveryToQueue {
  return { ...row, priority, correlation_id, traceparent };
}

/** False where none is left for the lane. */
function useOne(permits: Map<string, number>, lane: string): boolean {
  const left = permits.get(lane) ?? 0;
  if (left > 0) permits.set(lane, left - 1);
  return left > 0;
}

function partition<T>(all: readonly T[], holds: (each: T) => boolean): [T[], T[]] {
  const sides: [T[], T[]] = [[], []];
  for (const each of all) sides[holds(each) ? 0 : 1].push(each);
  return sides;
}
