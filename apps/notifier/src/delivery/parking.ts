import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '@assay/contracts';
import { createLog } from '@assay/observability';
import { fullJitterMs } from '@assay/work-queue';
import type { Outcome, Unit } from '@assay/work-queue';
import { parkings } from './delivery-metrics.js';
import type { DeliveryRepository, IntentEnd } from './delivery.repository.js';
import type { DeliveryBody, DeliveryResult } from './delivery.types.js';
import type { DestinationLane, Held } from './destination-lane.js';
import { notAvailable } from './failures.js';
import type { Schedules } from './schedules.js';
import type { WaitingParents } from './waiting-parents.js';

const log = createLog('notifier.parking', ['withdrawal_failed']);

export type DeliveryOutcome = Outcome<DeliveryResult>;
export type DeliveryUnit = Unit<DeliveryBody>;

const WITHDRAWAL_RETRIES = { first_ms: 100, cap_ms: 2_000 };

/** Rows that go back to the queue without a settlement: their intent is closed, and whoever waits for them told. */
export class Parking {
  constructor(
    private readonly repository: DeliveryRepository,
    private readonly waiting: WaitingParents,
    private readonly schedules: Schedules,
    private readonly instance: string,
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
    const end = { id: body.row.id, token: item.lease.token, ...attempt, code, answer: body.answer };
    for (let round = 1; !item.lease.lost; round += 1) {
      try {
        return await this.repository.withdrawIntents(this.instance, [end]);
      } catch (error) {
        log.warn('withdrawal_failed', { delivery_id: body.row.id }, error);
        if (!Failure.from(error).retryable) return;
        await pause(fullJitterMs(round, WITHDRAWAL_RETRIES));
      }
    }
  }

  /**
   * A row whose send an outage has prevented or failed uses no attempt; but its time runs. It is claimed again with the
   * circuit's probe or after it.
   */
  async park(
    { item, body }: DeliveryUnit,
    lane: DestinationLane,
    { reason, failure }: Held,
    due_in_ms = 0,
  ): Promise<DeliveryOutcome> {
    const destination = lane.destination.name;
    if (reason !== 'stopping') {
      const { id: delivery_id, job_id, generation } = body.row;
      const waits_ms = Math.max(0, this.schedules.of(body.row).give_up_after_ms - body.row.waits_ms);
      const about = { delivery_id, job_id, generation, attempt: item.attempts + 1, waits_ms };
      await this.waiting.tell({ ...about, failure: failure ?? notAvailable(reason, destination) });
    }
    parkings.add(1, { destination, reason });
    return { kind: 'parked', due_in_ms, reason };
  }
}
