import type { PublicUrls } from '@assay/service';
import { Inject, Injectable } from '@nestjs/common';
import type { ReceivedEvent, ReviewValidated } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { WorkQueue } from '@assay/work-queue';
import type { NewItem, Unit, WorkItem } from '@assay/work-queue';
import { DELIVER_QUEUE, deliveries, DeliveryWorker } from '../delivery/index.js';
import type { DeliveryBody } from '../delivery/index.js';
import { IntakeBatch } from './intake-batch.js';
import type { BornDelivery, IntakeResult, RevivedDelivery } from './intake-batch.js';
import { parentItem } from './parent-item.js';

const log = createLog('notifier.intake', ['review_known', 'review_superseded', 'deliveries_adopted']);
const reviews = counter('assay_notifier_reviews_total', 'Validated reviews by how they were taken in');

/** Nest token of {@link PublicUrls}. */
export const LINKS = Symbol('Links');

interface TakenIn extends IntakeResult {
  items: WorkItem[];
  permits: number;
  publish: () => void;
}

/** Turns judged reviews into deliveries (DEL-1), adopts what an earlier job sent (ING-4), supersedes (ING-6). */
@Injectable()
export class IntakeService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(DeliveryWorker) private readonly deliveryWorker: DeliveryWorker,
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
    const wanted = round.reduce((sum, event) => sum + event.data.recipients.length, 0);
    const granted = worker.reserve(wanted);
    let used = 0;
    try {
      const taken = await this.database.transaction((tx) => this.#store(tx, round, granted));
      used = taken.permits;
      worker.accept(taken.items.slice(0, used).map((item, index) => unitOf(item, taken.born[index]!)));
      if (used < taken.items.length) worker.notify();
      taken.publish();
      this.#count(round.length, taken);
    } finally {
      worker.release(granted - used);
    }
  }

  async #store(tx: Tx, round: readonly ReceivedEvent<ReviewValidated>[], granted: number): Promise<TakenIn> {
    const result = await this.batch.store(tx, this.queue.owner, round, this.links);
    const permits = Math.min(granted, result.born.length);
    const wanted = [...result.born.map(bornItem), ...result.revived.map(deliverItem)];
    const items = wanted.length === 0 ? [] : this.queue.insert(tx, wanted, { claimed: permits });
    const publish = this.queue.tell(
      tx,
      result.tell.map(({ parent, event }) => ({ item: parentItem(parent, [event]), events: [event] })),
    );
    return { ...result, items, permits, publish };
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

function unitOf(item: WorkItem, { row, review }: BornDelivery): Unit<DeliveryBody> {
  return { item, body: { row, review } };
}

function bornItem({ row, ...of }: BornDelivery): NewItem {
  return deliverItem({ ...of, id: row.id, generation: row.generation });
}

function deliverItem({ id: subject_id, generation, priority, correlation_id, traceparent }: RevivedDelivery): NewItem {
  return { queue: DELIVER_QUEUE, subject_id, generation, priority, phase: 'work', correlation_id, traceparent };
}
