import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Failure } from '@assay/contracts';
import type { Channel } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { Liveness, PeriodicTask } from '@assay/service';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import {
  deadLetterEvents,
  DeliveryItems,
  DeliveryRepository,
  DELIVERY_SETTINGS,
  parentKey,
} from '../delivery/index.js';
import type { ChangedDelivery, DeliverySettings } from '../delivery/index.js';
import { PROVIDERS } from '../providers/index.js';
import type { Providers } from '../providers/index.js';
import { RECONCILE_INTERVAL_MS } from './reconcile-interval.js';
import { LOSE_EVIDENCE, PROVE, TAKE_UNPROVEN } from './sql/evidence.js';

const log = createLog('notifier.evidence', ['evidence_missing', 'evidence_not_asked']);
const checked = counter(
  'assay_deliveries_evidence_total',
  'Deliveries that count as sent, by what their provider said when it was asked for them: found or missing',
);

const BATCH = 50;
/** Requests under way at once, per replica: nobody waits for the answer. */
const AT_ONCE = 4;
/** A provider that cannot be asked now is asked again after this, by whoever comes first. */
const AGAIN_MS = 600_000;

interface Unproven {
  id: string;
  source: string;
  channel: Channel;
  address: string;
  key: string;
  sent_via: string | null;
  notification_id: string | null;
  evidence_due_at: string;
}

/**
 * Asks providers that can be asked for what they have accepted (DEL-11): once it has had time to appear. What a provider
 * does not know is told in the log, by a metric and by a dead letter, and is never sent again by itself: it may have
 * arrived, and a person decides.
 */
@Injectable()
export class EvidenceChecks implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #task: PeriodicTask | null;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(DeliveryItems) private readonly items: DeliveryItems,
    @Inject(DeliveryRepository) private readonly repository: DeliveryRepository,
    @Inject(PROVIDERS) private readonly providers: Providers,
    @Inject(DELIVERY_SETTINGS) private readonly settings: DeliverySettings,
    @Inject(RECONCILE_INTERVAL_MS) interval_ms: number | null,
    @Inject(Liveness) liveness: Liveness,
  ) {
    const run = () => this.once();
    this.#task = interval_ms === null ? null : new PeriodicTask(liveness, { name: 'evidence', interval_ms, run });
  }

  onApplicationBootstrap(): void {
    this.#task?.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#task?.stop();
  }

  /** Asks for all that are due; safe beside any other that does. */
  async once(): Promise<void> {
    for (let taken = BATCH; taken === BATCH;) {
      const due = await this.database.query<Unproven>(TAKE_UNPROVEN, [BATCH, AGAIN_MS]);
      taken = due.length;
      const waiting = [...due];
      const proven: string[] = [];
      const missing: Unproven[] = [];
      const ask = async (): Promise<void> => {
        for (let next = waiting.shift(); next; next = waiting.shift()) {
          const found = await this.#isKnown(next);
          if (found === true) proven.push(next.id);
          if (found === false) missing.push(next);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, ask));
      if (proven.length > 0) await this.database.execute(PROVE, [proven]);
      checked.add(proven.length, { said: 'found' });
      if (missing.length > 0) await this.database.transaction((tx) => this.#tell(tx, missing));
    }
    this.queue.notify();
  }

  /** True, too, where nobody can be asked; null where that has to wait. */
  #isKnown(delivery: Unproven): Promise<boolean | null> {
    return this.providers.during(async (set) => {
      const provider = set.of(delivery);
      if (!provider?.lookup) return true;
      const { key, address, notification_id } = delivery;
      const signal = AbortSignal.timeout(this.settings.send_timeout_ms);
      try {
        return (await provider.lookup(key, address, signal, notification_id)) !== null;
      } catch (error) {
        log.warn('evidence_not_asked', { delivery_id: delivery.id }, provider.classify(error).failure);
        return null;
      }
    });
  }

  async #tell(tx: Tx, missing: readonly Unproven[]): Promise<void> {
    const of = new Map(missing.map((each) => [each.id, each]));
    const lost = await tx.query<ChangedDelivery & { found_at: string }>(LOSE_EVIDENCE, [
      missing.map(({ id }) => id),
      missing.map(({ evidence_due_at }) => evidence_due_at),
    ]);
    const same = lost.map(({ job_id, generation }) => ({ job_id, generation, open: 0, failed: 0 }));
    const parents = await this.repository.changeParents(tx, [
      ...new Map(same.map((each) => [parentKey(each), each])).values(),
    ]);
    const items = lost.map(({ found_at, ...delivery }) => {
      const { source, channel, address, sent_via } = of.get(delivery.id)!;
      const parent = parents.get(parentKey(delivery))!;
      const events = deadLetterEvents(parent, {
        delivery,
        destination: sent_via ?? channel,
        error_class: 'OUTCOME_UNKNOWN',
        failure: evidenceMissing(),
        attempts: 1,
        first_failure_at: found_at,
        last_failure_at: found_at,
      });
      const { priority, correlation_id, traceparent } = parent;
      const about = { id: delivery.id, source, channel, address, generation: delivery.generation, priority };
      const item = this.items.of({ ...about, correlation_id, traceparent });
      return { ...item, phase: 'publish' as const, payload: encodeEvents(events) };
    });
    this.queue.insert(tx, items);
    tx.afterCommit(() => {
      checked.add(lost.length, { said: 'missing' });
      for (const { id } of lost) log.error('evidence_missing', { delivery_id: id, destination: of.get(id)!.sent_via });
    });
  }
}

function evidenceMissing(): Failure {
  return new Failure({
    error_class: 'OUTCOME_UNKNOWN',
    code: 'evidence_missing',
    retryable: false,
    message: 'the provider accepted the message and does not know it any more',
  });
}
