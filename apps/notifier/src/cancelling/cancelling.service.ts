import { Inject, Injectable } from '@nestjs/common';
import { eventKey } from '@assay/contracts';
import type { ReceivedEvent, ReviewCancelled } from '@assay/contracts';
import { createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { WorkQueue } from '@assay/work-queue';
import {
  Cancellations,
  deliveries,
  DeliveryRepository,
  parentDeltas,
  parentKey,
  settledEvent,
} from '../delivery/index.js';
import type { ChangedDelivery } from '../delivery/index.js';
import { IntakeRepository, parentItem } from '../intake/index.js';

const log = createLog('notifier.cancelling', ['review_cancelled']);

/** Ends what nobody was told of yet of a job that was cancelled (ING-13). */
@Injectable()
export class CancellingService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(Cancellations) private readonly cancellations: Cancellations,
    @Inject(DeliveryRepository) private readonly repository: DeliveryRepository,
    @Inject(IntakeRepository) private readonly intake: IntakeRepository,
  ) {}

  /** One transaction each: callers cancel seldom. */
  async take(events: readonly ReceivedEvent<ReviewCancelled>[]): Promise<void> {
    for (const { data } of events) {
      const publish = await this.database.transaction((tx) => this.#store(tx, data));
      publish();
    }
  }

  /** The lock orders it with the intake of the job's review, whichever comes first. */
  async #store(tx: Tx, request: ReviewCancelled): Promise<() => void> {
    this.intake.lockChangelists(tx, [eventKey(request.source, request.changelist_id)]);
    if (!(await this.cancellations.record(tx, request))) return () => undefined;
    const waived = await this.cancellations.waive(tx, [request]);
    tx.afterCommit(() => report(request, waived));
    if (waived.length === 0) return () => undefined;
    const parents = await this.repository.changeParents(tx, parentDeltas(waived));
    const parent = parents.get(parentKey(request))!;
    const events = [settledEvent(parent, waived)];
    return this.queue.tell(tx, [{ item: parentItem(parent, events), events }]);
  }
}

function report({ job_id, generation, actor }: ReviewCancelled, waived: readonly ChangedDelivery[]): void {
  log.info('review_cancelled', { job_id, generation, actor, deliveries: waived.length });
  for (const { channel, state } of waived) deliveries.add(1, { channel, state });
}
