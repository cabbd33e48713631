import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '@assay/contracts';
import { createLog } from '@assay/observability';
import { fullJitterMs } from '@assay/work-queue';
import type { Outcome, Unit } from '@assay/work-queue';
import { parkings } from './delivery-metrics.js';
import type { DeliveryRepository, IntentEnd } from './delivery.repository.js';
import type { DeliveryBody, DeliveryResult, DeliverySettings } from './delivery.types.js';
import type { DestinationLane, Park, ParkReason } from './destination-lane.js';
import { notAvailable } from './failures.js';
import type { WaitingParents } from './waiting-parents.js';

const log = createLog('notifier.parking', ['withdrawal_failed']);

export type DeliveryOutcome = Outcome<DeliveryResult>;
export type DeliveryUnit = Unit<DeliveryBody>;

const WITHDRAWAL_RETRIES = { first_ms: 100, cap_ms: 2_000 };
/** Reasons that a job's wait is told for; the others are ours, and short. */
const OUTAGES: readonly ParkReason[] = ['circuit_open', 'credential_refused'];

/** Rows that go back to the queue without a settlement: their intent is closed, and whoever waits for them told. */
export class Parking {
  constructor(
    private readonly repository: DeliveryRepository,
    private readonly waiting: WaitingParents,
    private readonly settings: DeliverySettings,
  ) {}

  /**
   * Closes the intent; while Postgres is away again and again, for an intent that stays open is one that may have been
   * sent, and ends with an operator where nobody can be asked. Once the lease is another's, so is the row.
   */
  async withdraw(
    { item, body }: DeliveryUnit,
    attempt: Pick<IntentEnd, 'failed' | 'maybe'>,
    code: string,
  ): Promise<void> {
    const { repository, settings } = this;
    const end = { id: body.row.id, token: item.lease.token, ...attempt, code, answer: body.answer };
    for (let round = 1; !item.lease.lost; round += 1) {
      try {
        return await repository.withdrawIntents(settings.instance, [end]);
      } catch (error) {
        log.warn('withdrawal_failed', { delivery_id: body.row.id }, error);
        if (!Failure.from(error).retryable) return;
        await pause(fullJitterMs(round, WITHDRAWAL_RETRIES));
      }
    }
  }

  /** Parked rows use no attempt; but their time runs. */
  async park({ item, body }: DeliveryUnit, lane: DestinationLane, park: Park): Promise<DeliveryOutcome> {
    const { due_in_ms, reason } = park;
    const destination = lane.destination.name;
    if (OUTAGES.includes(reason)) {
      const waits_ms = Math.max(0, this.settings.give_up_after_ms - body.row.waits_ms);
      const failure = park.failure ?? notAvailable(reason, destination);
      await this.waiting.tell({ row: body.row, item, failure, waits_ms });
    }
    parkings.add(1, { destination, reason });
    return { kind: 'parked', due_in_ms, reason };
  }
}
