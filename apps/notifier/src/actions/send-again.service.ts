import { Inject, Injectable } from '@nestjs/common';
import { UUID } from '@assay/contracts';
import type { ActionRefusal, ActionRequested } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import { WorkQueue } from '@assay/work-queue';
import { v7 } from 'uuid';
import {
  DeliveryItems,
  deliveryKey,
  DeliveryRepository,
  DeliveryWorker,
  parentKey,
  repeatKey,
} from '../delivery/index.js';
import { INSERT_REPEAT, LOCK_ACTION, LOCK_FIRST, REPEATED } from './sql/send-again.js';
import type { RepeatedDelivery } from './sql/send-again.js';

/** What was sent is sent again (DEL-17): by a row of its own, which the job that has ended does not wait for. */
@Injectable()
export class SendAgainService {
  constructor(
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(DeliveryWorker) private readonly deliveryWorker: DeliveryWorker,
    @Inject(DeliveryRepository) private readonly repository: DeliveryRepository,
    @Inject(DeliveryItems) private readonly items: DeliveryItems,
  ) {}

  /** In one transaction with the answer, so that it is done once. Returns the new row's id, or why there is none. */
  async store(tx: Tx, request: ActionRequested): Promise<{ delivery_id: string } | { why_not: ActionRefusal | null }> {
    const [action] = await tx.query<{ outcome: string | null }>(LOCK_ACTION, [request.action_id]);
    if (action!.outcome !== null) return { why_not: null };
    const first = await this.#first(tx, request);
    const why_not = first === null ? 'not_found' : faultOf(first);
    return why_not === null ? { delivery_id: await this.#insert(tx, request, first!) } : { why_not };
  }

  async #first(tx: Tx, { subject_type, subject_id, sources }: ActionRequested): Promise<RepeatedDelivery | null> {
    if (subject_type !== 'delivery' || !UUID.test(subject_id)) return null;
    const [locked] = await tx.query<{ id: string }>(LOCK_FIRST, [subject_id, sources]);
    if (!locked) return null;
    const [first] = await tx.query<RepeatedDelivery>(REPEATED, [locked.id]);
    return first!;
  }

  async #insert(tx: Tx, { as, actor }: ActionRequested, first: RepeatedDelivery): Promise<string> {
    const { channel, address, next_repeat, job_id, generation } = first;
    const identity = { ...first, recipient: { channel, address } };
    const key = as === 'the_same' ? deliveryKey(identity) : repeatKey(identity, next_repeat);
    const id = v7();
    await tx.execute(INSERT_REPEAT, [id, first.id, next_repeat, key, actor]);
    const delta = { job_id, generation, open: 1, failed: 0 };
    const parent = (await this.repository.changeParents(tx, [delta])).get(parentKey(delta))!;
    const { priority, correlation_id, traceparent } = parent;
    const { source } = first;
    const delivery = { id, source, channel, address, generation, priority, correlation_id, traceparent };
    this.queue.insert(tx, [this.items.of(delivery)]);
    tx.afterCommit(() => this.deliveryWorker.worker.notify());
    return id;
  }
}

function faultOf({ state, job_open, newer_version_known }: RepeatedDelivery): ActionRefusal | null {
  if (state !== 'sent') return 'not_sent';
  if (newer_version_known) return 'superseded';
  return job_open ? 'job_not_over' : null;
}
