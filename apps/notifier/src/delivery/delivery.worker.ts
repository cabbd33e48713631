import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Failure } from '@assay/contracts';
import type { Channel, OutgoingEvent, Recipient } from '@assay/contracts';
import { createLog, observableGauge, runInContext } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { Shutdown } from '@assay/service';
import { WorkQueue } from '@assay/work-queue';
import type {
  DeadUnit,
  DelayedUnit,
  DoneUnit,
  EventsByItem,
  FailedAttempt,
  Settle,
  Unit,
  Worker,
  WorkHandler,
  WorkItem,
} from '@assay/work-queue';
import { PROVIDERS } from '../providers/index.js';
import type { Destination, Provider, Providers, ProviderSet } from '../providers/index.js';
import { DELIVER_QUEUE, DeliveryItems } from './delivery-items.js';
import { standingOf } from './delivery-row.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DELIVERY_SETTINGS } from './delivery.settings.js';
import type { DeliveryBody, DeliveryResult, DeliverySettings } from './delivery.types.js';
import { DestinationFaults } from './destination-faults.js';
import type { DestinationLane } from './destination-lane.js';
import { DestinationLanes } from './destination-lanes.js';
import { FailedSends } from './failed-sends.js';
import { outcomeUnknown } from './failures.js';
import { HeldReviews } from './held-reviews.js';
import { IntentWriter } from './intent-writer.js';
import { nextStep } from './next-step.js';
import { Parking } from './parking.js';
import type { DeliveryOutcome } from './parking.js';
import { askedMs, retryInMs } from './schedule.js';
import { Schedules } from './schedules.js';
import { Sender } from './sender.js';
import { SettlementOfDeliveries } from './settlement-of-deliveries.js';
import { WaitingLanes } from './waiting-lanes.js';
import { WaitingParents } from './waiting-parents.js';

const log = createLog('notifier.delivery', ['outcome_not_found', 'outcome_found']);

const SLOTS = 512;
const CLAIM_BATCH = 200;
/** A provider that could not be asked is asked again after this, or with its circuit's probe. */
const ASK_AGAIN_MS = 100;

/** The queue's handler: each delivery goes its own way through its destination's lane (DEL-3, DEL-9, WQ-9). */
@Injectable()
export class DeliveryWorker
  implements WorkHandler<DeliveryBody, DeliveryResult>, OnApplicationBootstrap, OnModuleDestroy
{
  readonly queue = DELIVER_QUEUE;
  readonly stage = 'notify';
  readonly worker: Worker<DeliveryBody>;
  readonly lanes: DestinationLanes;
  readonly #waiting: WaitingLanes;
  /** Somebody whom each destination serves. */
  readonly #served = new Map<string, { channel: Channel; address: string }>();
  readonly #endGauge: () => void;
  readonly #sender: Sender;
  readonly #settlement: SettlementOfDeliveries;
  readonly #schedules: Schedules;

  constructor(
    @Inject(Database) database: Database,
    @Inject(WorkQueue) queue: WorkQueue,
    @Inject(DeliveryRepository) private readonly repository: DeliveryRepository,
    @Inject(DestinationFaults) faults: DestinationFaults,
    @Inject(DeliveryItems) items: DeliveryItems,
    @Inject(PROVIDERS) private readonly providers: Providers,
    @Inject(DELIVERY_SETTINGS) private readonly settings: DeliverySettings,
    @Inject(Shutdown) shutdown: Shutdown,
  ) {
    const { circuit_failures, circuit_open_ms, circuit_max_open_ms } = settings;
    this.lanes = new DestinationLanes(
      { failure_threshold: circuit_failures, open_ms: circuit_open_ms, max_open_ms: circuit_max_open_ms },
      (lane) => this.#rerouted(lane),
    );
    providers.onReplaced((set) => {
      this.#reconfigured(set);
      queue.notify();
    });
    const schedules = (this.#schedules = new Schedules(providers, settings));
    const intents = new IntentWriter(repository, queue.owner, settings.send_timeout_ms);
    const parents = new WaitingParents(database, queue, repository);
    this.#waiting = new WaitingLanes(database, parents, schedules, () => this.#openLanes());
    const parking = new Parking(repository, parents, schedules, settings.instance);
    const failed = new FailedSends(faults, parking, schedules);
    const reviews = new HeldReviews((of) => repository.readReviews(of), settings.max_body_bytes);
    this.#sender = new Sender({ intents, faults, parking, failed, reviews, schedules, settings });
    this.#settlement = new SettlementOfDeliveries(repository, queue, items, (body) => this.#destinationName(body));
    const max_active = settings.max_active ?? undefined;
    this.worker = queue.worker(this, { slots: SLOTS, batch: CLAIM_BATCH, max_active });
    shutdown.signal.addEventListener('abort', () => {
      this.lanes.close();
      reviews.close();
    });
    this.#endGauge = observableGauge(
      'assay_destination_circuit_open_seconds',
      'How long a circuit has been open; 0 is closed',
      () => this.#circuits(),
    );
  }

  /** Permits by lane for deliveries that are to be born claimed ({@link Worker.reserveIn}). */
  reserve(recipients: readonly Recipient[]): Map<string, number> {
    const lanes = recipients.flatMap((recipient) => {
      const destination = this.providers.of(recipient)?.destinationOf(recipient.address);
      if (!destination) return [];
      this.#laneOf(destination, recipient);
      return [destination.lane];
    });
    return this.worker.reserveIn(lanes);
  }

  onApplicationBootstrap(): void {
    this.#waiting.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.#endGauge();
    await this.#waiting.stop();
  }

  /** DEL-8: from then on no circuit holds the row back. Before its first attempt it goes by when it was put to work. */
  overdueInMs({ body: { row } }: Unit<DeliveryBody>, at: string): number | null {
    if (row.first_attempt_at === null) return null;
    const { give_up_after_ms } = this.#schedules.of(row);
    return Math.max(0, give_up_after_ms - (Date.parse(at) - Date.parse(row.first_attempt_at)));
  }

  /** The next delivery to this destination is tried whatever its circuit says; in this replica. */
  probeNow(destination: string): void {
    this.lanes.named(destination)?.probeNow();
  }

  /** DEL-8: by the database's clock, which wrote both times. */
  retryInMs({ unit, failure, attempt, failed_at }: FailedAttempt<DeliveryBody>): number | null {
    const { row, is_last, compact_next } = unit.body;
    if (compact_next !== undefined) return 0;
    if (is_last) return null;
    const elapsed_ms = row.first_attempt_at === null ? 0 : Date.parse(failed_at) - Date.parse(row.first_attempt_at);
    return retryInMs(this.#schedules.of(row), { attempt, elapsed_ms, failure });
  }

  /** Rows that have settled or were superseded have no body: their items are obsolete. Reviews are read with the send. */
  async load(items: readonly WorkItem[]): Promise<Map<string, DeliveryBody>> {
    const loaded = await this.repository.load(items.map(({ subject_id }) => subject_id));
    const bodies = new Map<string, DeliveryBody>();
    for (const item of items) {
      const found = loaded.get(item.subject_id);
      if (found) this.#introduce(item, found.row);
      if (found && nextStep(standingOf(found.row), this.#capabilities(found.row)) !== 'leave') {
        bodies.set(item.id, found);
      }
    }
    return bodies;
  }

  async perform(units: readonly Unit<DeliveryBody>[], settle: Settle<DeliveryBody, DeliveryResult>): Promise<void> {
    await Promise.all(
      units.map(async (unit) => {
        const { correlation_id, traceparent } = unit.item;
        settle(unit, await runInContext({ correlation_id, traceparent }, () => this.#deliverOrFail(unit)));
      }),
    );
  }

  store(tx: Tx, done: readonly DoneUnit<DeliveryBody, DeliveryResult>[]): Promise<EventsByItem> {
    return this.#settlement.settled(tx, done);
  }

  delayed(tx: Tx, units: readonly DelayedUnit<DeliveryBody>[]): Promise<OutgoingEvent[]> {
    return this.#settlement.delayed(tx, units);
  }

  deadLettered(tx: Tx, units: readonly DeadUnit<DeliveryBody>[]): Promise<EventsByItem> {
    return this.#settlement.deadLettered(tx, units);
  }

  /** A bug in one delivery must not end its neighbours' sends, whose outcomes would then be lost. */
  async #deliverOrFail(unit: Unit<DeliveryBody>): Promise<DeliveryOutcome> {
    try {
      return await this.providers.during((set) => this.#deliver(unit, set));
    } catch (error) {
      return { kind: 'failed', failure: Failure.from(error) };
    }
  }

  async #deliver(unit: Unit<DeliveryBody>, set: ProviderSet): Promise<DeliveryOutcome> {
    const { row } = unit.body;
    const provider = set.of(row);
    const destination = provider?.destinationOf(row.address);
    if (!provider || !destination) return unknownRecipient(unit, provider !== undefined);
    const lane = this.#laneOf(destination, row);
    const by: Way = { set, provider, lane };
    const step = nextStep(standingOf(row), provider.capabilities);
    switch (step) {
      case 'leave':
        return { kind: 'done', result: { kind: 'obsolete' } };
      case 'supersede':
        return { kind: 'done', result: { kind: 'superseded' } };
      case 'cancel':
        return { kind: 'done', result: { kind: 'cancelled' } };
      case 'hold':
        return { kind: 'failed', failure: outcomeUnknown('intent_without_outcome') };
      case 'ask':
        return this.#ask(unit, by);
      case 'send':
        return this.#attempt(unit, by, false);
      case 'send_again':
        return this.#attempt(unit, by, true);
    }
  }

  #attempt(unit: Unit<DeliveryBody>, { set, provider, lane }: Way, again: boolean) {
    const rules = set.rulesOf(unit.body.row);
    const max_bytes = rules.max_bytes ?? lane.destination.max_bytes ?? null;
    return this.#sender.attempt(unit, provider, lane, { ...rules, max_bytes }, again);
  }

  /** The send may have happened, and the provider can tell (DEL-3, DEL-11). */
  async #ask(unit: Unit<DeliveryBody>, by: Way): Promise<DeliveryOutcome> {
    const { provider, lane } = by;
    const { row } = unit.body;
    const { lease_ms, send_timeout_ms } = this.settings;
    try {
      const receipt = await provider.lookup!(
        row.key,
        row.address,
        AbortSignal.timeout(send_timeout_ms),
        row.notification_id,
      );
      if (receipt) {
        log.info('outcome_found', { delivery_id: row.id });
        return { kind: 'done', result: { kind: 'sent', notification_id: receipt.notification_id } };
      }
    } catch (error) {
      const schedule = this.#schedules.of(row);
      if (row.waits_ms >= schedule.give_up_after_ms) {
        return { kind: 'failed', failure: outcomeUnknown('lookup_failed') };
      }
      const { failure } = provider.classify(error);
      const asked_ms = askedMs(schedule, { attempt: unit.item.attempts + 1, failure });
      return { kind: 'parked', due_in_ms: Math.max(ASK_AGAIN_MS, lane.probeInMs, asked_ms), reason: failure.code };
    }
    const settled_after_ms = lease_ms + send_timeout_ms + provider.capabilities.lookup!.lag_ms;
    const left_ms = settled_after_ms - (row.open_intent_age_ms ?? 0);
    if (left_ms > 0) return { kind: 'parked', due_in_ms: Math.ceil(left_ms) + 1, reason: 'too_early_to_tell' };
    log.warn('outcome_not_found', { delivery_id: row.id, intent_age_ms: row.open_intent_age_ms });
    if (row.cancelled) return { kind: 'done', result: { kind: 'cancelled' } };
    return this.#attempt(unit, by, true);
  }

  /** Room is asked for by lane; whose that is, its first row tells. */
  #introduce({ lane }: WorkItem, row: DeliveryBody['row']): void {
    const destination = this.providers.of(row)?.destinationOf(row.address);
    if (destination) this.#laneOf(destination, row);
    else this.lanes.reachesNobody(lane!);
  }

  #laneOf(destination: Destination, { channel, address }: Pick<Recipient, 'channel' | 'address'>): DestinationLane {
    if (!this.#served.has(destination.name)) this.#served.set(destination.name, { channel, address });
    return this.lanes.of(destination);
  }

  /** The lanes go by the providers file as it stands now; their circuits stay, and are tried anew. */
  #reconfigured(set: ProviderSet): void {
    for (const { destination } of this.lanes.all()) {
      const { name } = destination;
      const now = set.destinationNamed(name, this.#served.get(name)!);
      if (now === null) this.#served.delete(name);
      this.lanes.reconfigured(destination, now);
    }
  }

  /** Mail that waits in a lane of another provider than the one that sends it now. */
  #rerouted(lane: string): Destination | null {
    const [, domain] = lane.split('/', 2);
    if (domain === undefined) return null;
    const recipient = { channel: 'email' as const, address: `postmaster@${domain}` };
    return this.providers.of(recipient)?.destinationOf(recipient.address) ?? null;
  }

  #circuits() {
    return this.lanes.all().map((lane) => ({
      value: lane.openForMs / 1_000,
      labels: { destination: lane.destination.name },
    }));
  }

  #openLanes() {
    const open = this.lanes.all().filter(({ phase }) => phase !== 'closed');
    return open.flatMap((lane) => {
      const served = this.#served.get(lane.destination.name);
      if (served === undefined) return [];
      return [{ lane, channel: served.channel, address: served.channel === 'email' ? null : served.address }];
    });
  }

  #capabilities(row: DeliveryBody['row']) {
    return this.providers.of(row)?.capabilities ?? NOBODY;
  }

  #destinationName({ row }: DeliveryBody): string {
    return this.providers.of(row)?.destinationOf(row.address)?.name ?? row.channel;
  }
}

/** Whom a delivery goes through. */
interface Way {
  set: ProviderSet;
  provider: Provider;
  lane: DestinationLane;
}

/** For a channel that nobody serves any more: what may have been sent is held. */
const NOBODY: Provider['capabilities'] = { idempotent: false, lookup: null, ambiguous_policy: 'hold' };

function unknownRecipient(unit: Unit<DeliveryBody>, served: boolean): DeliveryOutcome {
  const { row } = unit.body;
  unit.body.attempt = { token: row.intent_token, outcome: row.open_intent_age_ms === null ? 'not_sent' : 'none' };
  const code = served ? 'unknown_recipient' : 'channel_not_configured';
  const message = 'this installation cannot reach the recipient';
  return {
    kind: 'failed',
    failure: new Failure({ error_class: 'RECIPIENT_INVALID', code, retryable: false, message }),
  };
}
