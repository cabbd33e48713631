import { Inject, Injectable } from '@nestjs/common';
import type { Channel, Failure } from '@assay/contracts';
import { createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import type { WorkItem } from '@assay/work-queue';
import { v7 } from 'uuid';
import type { Destination } from '../providers/provider.js';
import { credentialDeadLetterEvent } from './delivery-events.js';
import { REFUSE_CREDENTIAL, WAITING_JOBS } from './sql/refuse-credential.js';

const log = createLog('notifier.credentials', ['credential_refused']);

/** Items of this queue only publish: the dead letters of credentials. */
export const CREDENTIAL_QUEUE = 'credential';
const MOST_JOBS_LISTED = 500;

export interface Refusal {
  destination: Destination;
  channel: Channel;
  /** Null where one credential serves every address of the channel. */
  address: string | null;
  failure: Failure;
  item: WorkItem;
}

interface RefusedRow {
  version: number;
  revision: number;
  dead_letter_id: string;
  first_refused_at: string;
  last_refused_at: string;
}

/** A refused credential is one dead letter per version that lists the waiting jobs, not one per row (DEL-7). */
@Injectable()
export class CredentialRefusals {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
  ) {}

  async report(refusal: Refusal): Promise<void> {
    const { destination, failure } = refusal;
    log.warn('credential_refused', { destination: destination.name, code: failure.code });
    await this.database.transaction((tx) => this.#store(tx, refusal));
    this.queue.notify();
  }

  async #store(tx: Tx, { destination, channel, address, failure, item }: Refusal): Promise<void> {
    const [row] = await tx.query<RefusedRow>(REFUSE_CREDENTIAL, [
      destination.name,
      destination.credentialFingerprint(),
      v7(),
    ]);
    const waiting = await tx.query<{ job_id: string; source: string }>(WAITING_JOBS, [
      channel,
      address,
      MOST_JOBS_LISTED + 1,
    ]);
    const { correlation_id, traceparent } = item;
    const event = credentialDeadLetterEvent({
      ...row!,
      destination: destination.name,
      failure,
      waiting: {
        job_ids: [...new Set(waiting.slice(0, MOST_JOBS_LISTED).map(({ job_id }) => job_id))],
        sources: [...new Set(waiting.map(({ source }) => source))].sort(),
        more: waiting.length > MOST_JOBS_LISTED,
      },
      correlation_id,
      traceparent,
    });
    this.queue.insert(tx, [
      {
        queue: CREDENTIAL_QUEUE,
        subject_id: row!.dead_letter_id,
        generation: 0,
        priority: 9,
        phase: 'publish',
        payload: encodeEvents([event]),
        correlation_id,
        traceparent,
      },
    ]);
  }
}
