import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { Channel } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { encodeEvents, oneByOne, WorkQueue } from '@assay/work-queue';
import {
  deadLetterEvents,
  DeliveryItems,
  DeliveryRepository,
  DELIVERY_SETTINGS,
  outcomeUnknown,
  parentDeltas,
  parentKey,
} from '../delivery/index.js';
import type { DeliveryEnd, DeliverySettings } from '../delivery/index.js';
import { PROVIDERS } from '../providers/index.js';
import type { Providers } from '../providers/index.js';
import { RECONCILE_INTERVAL_MS } from './reconcile-interval.js';
import { FIND_STRANDED, LOCK_STRANDED, NAME_ITEMS } from './sql/find-stranded.js';

const log = createLog('notifier.reconciliation', ['reconciled', 'reconciliation_failed']);
const reconciled = counter('assay_deliveries_reconciled_total', 'Stranded deliveries by what was done with them');
const BATCH = 200;

interface Stranded {
  id: string;
  source: string;
  channel: Channel;
  address: string;
  sent_via: string | null;
  job_id: string;
  generation: number;
  intent_token: string;
  payload_hash: string | null;
  first_failure_at: string;
  last_failure_at: string;
  waits_ms: number;
  has_item: boolean;
  priority: number;
  correlation_id: string;
  traceparent: string | null;
}

export interface Reconciliation {
  /** Outcome not known and the provider's policy is to hold: dead letters. */
  held: number;
  /** Given back to the queue, which asks the provider or sends again under the same key. */
  requeued: number;
  /** Their item stands in the queue already. */
  left: number;
}

/**
 * Deliveries whose worker is gone between intent and settlement (DEL-11). The queue brings most of them back by itself,
 * by their item; this is the net below it, with its own loop in every replica and its own command.
 */
@Injectable()
export class Reconciler implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(DeliveryItems) private readonly items: DeliveryItems,
    @Inject(DeliveryRepository) private readonly repository: DeliveryRepository,
    @Inject(PROVIDERS) private readonly providers: Providers,
    @Inject(DELIVERY_SETTINGS) private readonly settings: DeliverySettings,
    @Inject(RECONCILE_INTERVAL_MS) private readonly interval_ms: number | null,
  ) {}

  onApplicationBootstrap(): void {
    if (this.interval_ms === null) return;
    this.#timer = setInterval(() => {
      this.#running ??= this.once()
        .catch((error: unknown) => log.warn('reconciliation_failed', {}, error))
        .finally(() => (this.#running = undefined));
    }, this.interval_ms);
    this.#timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Reconciles until nothing stranded is left; idempotent, and safe beside any other reconciler or worker. */
  async once(): Promise<Reconciliation> {
    const total: Reconciliation = { held: 0, requeued: 0, left: 0 };
    for (let found = BATCH; found === BATCH;) {
      const before = total.held + total.requeued;
      found = await this.#batch(total);
      // What is left to its item would be found again at once.
      if (total.held + total.requeued - before < found) break;
    }
    if (total.held + total.requeued > 0) log.warn('reconciled', { ...total });
    for (const [done, n] of Object.entries(total)) reconciled.add(n as number, { done });
    this.queue.notify();
    return total;
  }

  /** Adds to `total`; returns how many were found. One that cannot be reconciled is left, and alone (GEN-7). */
  async #batch(total: Reconciliation): Promise<number> {
    const rows = await this.database.query<{ id: string }>(FIND_STRANDED, [this.#oldest_ms, BATCH]);
    const left = await oneByOne(
      rows.map(({ id }) => id),
      async (ids) => {
        const done = await this.database.transaction((tx) => this.#reconcile(tx, ids));
        total.held += done.held;
        total.requeued += done.requeued;
        total.left += done.left;
      },
      (id, failure) => log.error('reconciliation_failed', { delivery_id: id }, failure),
    );
    if (left) throw left.failure;
    return rows.length;
  }

  get #oldest_ms(): number {
    return this.settings.lease_ms + this.settings.send_timeout_ms;
  }

  async #reconcile(tx: Tx, ids: readonly string[]): Promise<Reconciliation> {
    const stranded = await tx.query<Stranded>(LOCK_STRANDED, [this.#oldest_ms, ids]);
    const lost = stranded.filter((row) => this.#holds(row));
    const homeless = stranded.filter((row) => !this.#holds(row) && !row.has_item);
    await this.#requeue(tx, homeless);
    await this.#hold(tx, lost);
    const [held, requeued] = [lost.length, homeless.length];
    return { held, requeued, left: stranded.length - held - requeued };
  }

  async #requeue(tx: Tx, homeless: readonly Stranded[]): Promise<void> {
    if (homeless.length === 0) return;
    const items = this.queue.insert(
      tx,
      homeless.map((row) => this.items.of(row)),
    );
    await tx.execute(NAME_ITEMS, [homeless.map(({ id }) => id), items.map(({ id }) => id)]);
  }

  #holds(row: Stranded): boolean {
    const capabilities = this.providers.of(row)?.capabilities;
    return !capabilities || (capabilities.lookup === null && capabilities.ambiguous_policy === 'hold');
  }

  async #hold(tx: Tx, lost: readonly Stranded[]): Promise<void> {
    if (lost.length === 0) return;
    const changed = await this.repository.settle(tx, this.settings.instance, lost.map(unknownEnd));
    const parents = await this.repository.changeParents(tx, parentDeltas(changed));
    const by_id = new Map(lost.map((row) => [row.id, row]));
    const items = changed.map((delivery) => {
      const row = by_id.get(delivery.id)!;
      const events = deadLetterEvents(parents.get(parentKey(delivery))!, {
        delivery,
        destination: this.providers.of(row)?.destinationOf(row.address)?.name ?? row.channel,
        error_class: 'OUTCOME_UNKNOWN',
        failure: outcomeUnknown('intent_without_outcome'),
        attempts: 1,
        first_failure_at: row.first_failure_at,
        last_failure_at: row.last_failure_at,
      });
      return { ...this.items.of(row), phase: 'publish' as const, payload: encodeEvents(events) };
    });
    this.queue.insert(tx, items);
  }
}

function unknownEnd({ id, intent_token }: Stranded): DeliveryEnd {
  return {
    id,
    intent_token,
    to_state: 'unknown',
    cause: 'outcome_unknown',
    outcome: 'none',
    notification_id: null,
    error_class: 'OUTCOME_UNKNOWN',
    error_code: 'intent_without_outcome',
  };
}
