import { Injectable } from '@nestjs/common';
import type { ReplayAccepted } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import { deliveryKey } from '../delivery/index.js';
import type { ChangedDelivery } from '../delivery/index.js';
import type { CorrectionPlan, VersionRow } from './correction-rules.js';
import { APPLY_CORRECTIONS, REPLACE_DELIVERY } from './sql/apply-corrections.js';
import { BEGIN_GENERATION } from './sql/begin-generation.js';
import type { BegunParent } from './sql/begin-generation.js';
import { LOCK_VERSION } from './sql/lock-version.js';

/** A delivery of the version, with what may be told of it. */
export interface LockedRow extends VersionRow, Omit<ChangedDelivery, 'from_state' | 'original_ids'> {
  error_class: string | null;
  error_code: string | null;
  updated_at: string;
}

/** Reads and writes of an operator's action; all inside its one transaction. */
@Injectable()
export class CorrectionsRepository {
  /** Null where the generation is known, or a later one, or none at all. */
  async begin(tx: Tx, { job_id, generation, source }: ReplayAccepted): Promise<BegunParent | null> {
    const [begun] = await tx.query<BegunParent>(BEGIN_GENERATION, [job_id, generation, source]);
    return begun ?? null;
  }

  lockVersion(tx: Tx, { source, changelist_id, review_version }: BegunParent): Promise<LockedRow[]> {
    return tx.query<LockedRow>(LOCK_VERSION, [source, changelist_id, review_version]);
  }

  /** Whether any generation of the job is known. */
  async knows(tx: Tx, { job_id, source }: ReplayAccepted): Promise<boolean> {
    const rows = await tx.query('SELECT FROM reviews WHERE job_id = $1 AND source = $2 LIMIT 1', [job_id, source]);
    return rows.length > 0;
  }

  /** The review of a parent, as it came. */
  async validated(tx: Tx, { job_id, generation }: BegunParent): Promise<Buffer> {
    const [row] = await tx.query<{ validated: Buffer }>(
      'SELECT validated FROM reviews WHERE job_id = $1 AND generation = $2',
      [job_id, generation],
    );
    return row!.validated;
  }

  async apply(tx: Tx, plan: CorrectionPlan, request: ReplayAccepted): Promise<void> {
    const { job_id, generation, actor, reason } = request;
    const changes = JSON.stringify(plan.changes);
    await tx.execute(APPLY_CORRECTIONS, [changes, job_id, generation, actor, reason ?? '']);
    if (plan.born === null) return;
    const { id, replaces, recipient, original_ids } = plan.born;
    const { channel, address } = recipient;
    const { source, changelist_id, review_version } = request;
    const key = deliveryKey({ source, changelist_id, recipient, review_version });
    await tx.execute(REPLACE_DELIVERY, [id, replaces, channel, address, original_ids, job_id, generation, actor, key]);
  }
}
