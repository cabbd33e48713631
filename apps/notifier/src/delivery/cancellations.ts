import { Injectable } from '@nestjs/common';
import type { ReviewCancelled } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import type { ChangedDelivery } from './delivery.repository.js';
import { RECORD_CANCELLATION, WAIVE_CANCELLED } from './sql/cancel-deliveries.js';

/** Generations of jobs of which nobody is to be told any more (ING-13). Under the lock of their changelist. */
@Injectable()
export class Cancellations {
  /** Returns false where it is known. */
  async record(tx: Tx, { job_id, generation, actor, reason }: ReviewCancelled): Promise<boolean> {
    const rows = await tx.query(RECORD_CANCELLATION, [job_id, generation, actor, reason]);
    return rows.length > 0;
  }

  /** Ends what waits of cancelled generations. */
  waive(tx: Tx, of: readonly { job_id: string; generation: number }[]): Promise<ChangedDelivery[]> {
    return tx.query(WAIVE_CANCELLED, [of.map(({ job_id }) => job_id), of.map(({ generation }) => generation)]);
  }
}
