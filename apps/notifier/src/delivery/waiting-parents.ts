import type { Failure } from '@assay/contracts';
import { createLog } from '@assay/observability';
import type { Database, Tx } from '@assay/postgres';
import { encodeEvents } from '@assay/work-queue';
import type { WorkQueue } from '@assay/work-queue';
import { delayedEvent } from './delivery-events.js';
import { parentKey } from './delivery.repository.js';
import type { DeliveryRepository, WaitingParent } from './delivery.repository.js';

const log = createLog('notifier.waiting', ['waiting_not_told']);

/** Items of this queue only publish: that the deliveries of a job wait. */
export const WAITING_QUEUE = 'waiting';

/** A delivery that an outage keeps waiting, and for how long that may last. */
export interface WaitingDelivery {
  delivery_id: string;
  job_id: string;
  generation: number;
  /** The one that it waits for, from 1. */
  attempt: number;
  failure: Failure;
  waits_ms: number;
}

interface Asked extends WaitingDelivery {
  resolve: () => void;
}

const BATCH = 200;
/** A parent whose delivery is found waiting again within this is not asked about again: well below the silence that ingest bears. */
const ASK_AGAIN_MS = 60_000;
const MOST_REMEMBERED = 20_000;
/** What waits no longer than this is news soon enough. */
const WORTH_TELLING_MS = 1_000;

/**
 * Tells until when a job may be silent whose deliveries wait for a destination (ING-11): once, by its parent's row over
 * all replicas, and again only when a delivery of it has settled since. What is told is as durable as any event; where
 * Postgres is away it is left to the next look.
 */
export class WaitingParents {
  readonly #waiting: Asked[] = [];
  /** When each was asked about, by the monotonic clock, oldest first. */
  readonly #asked_at = new Map<string, number>();
  #flushing: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly queue: WorkQueue,
    private readonly repository: DeliveryRepository,
  ) {}

  /** Resolves once it is told, or known to be, or could not be; never rejects. */
  tell(delivery: WaitingDelivery): Promise<void> {
    if (delivery.waits_ms < WORTH_TELLING_MS || !this.#isNew(parentKey(delivery))) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ ...delivery, resolve });
      this.#flushing ??= this.#flush().finally(() => (this.#flushing = undefined));
    });
  }

  #isNew(parent: string): boolean {
    const now = performance.now();
    const asked_at = this.#asked_at.get(parent);
    if (asked_at !== undefined && now - asked_at < ASK_AGAIN_MS) return false;
    if (asked_at === undefined && this.#asked_at.size >= MOST_REMEMBERED) {
      this.#asked_at.delete(this.#asked_at.keys().next().value!);
    }
    this.#asked_at.set(parent, now);
    return true;
  }

  async #flush(): Promise<void> {
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) await this.#tell(this.#waiting.splice(0, BATCH));
  }

  async #tell(batch: readonly Asked[]): Promise<void> {
    try {
      const publish = await this.database.transaction((tx) => this.#store(tx, batch));
      publish();
    } catch (error) {
      log.warn('waiting_not_told', { deliveries: batch.length }, error);
      for (const each of batch) this.#asked_at.delete(parentKey(each));
    }
    for (const { resolve } of batch) resolve();
  }

  async #store(tx: Tx, batch: readonly Asked[]): Promise<() => void> {
    const asked = batch.map(({ job_id, generation, waits_ms }) => ({ job_id, generation, waits_ms }));
    const parents = await this.repository.beginWaiting(tx, asked);
    const telling = batch.flatMap((one) => {
      const parent = parents.get(parentKey(one));
      return parent ? [tellingOf(parent, one)] : [];
    });
    return this.queue.tell(tx, telling);
  }
}

function tellingOf(parent: WaitingParent, { delivery_id, attempt, failure }: WaitingDelivery) {
  const { job_id: subject_id, source, generation, priority, correlation_id, traceparent } = parent;
  const facts = { attempt, failure, next_due_at: parent.waits_until };
  const events = [delayedEvent(parent, delivery_id, facts)];
  const about = { queue: WAITING_QUEUE, source, subject_id, generation, priority, correlation_id, traceparent };
  return { item: { ...about, phase: 'publish' as const, payload: encodeEvents(events) }, events };
}
