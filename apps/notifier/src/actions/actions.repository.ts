import { Inject, Injectable } from '@nestjs/common';
import { UUID } from '@assay/contracts';
import type { ActionRefusal, ActionRequested } from '@assay/contracts';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { behindDestination } from '../providers/index.js';
import {
  ATTEMPT_NOW,
  KNOWN_DELIVERY,
  KNOWN_JOB,
  WAITING_BEHIND,
  WAITING_DELIVERY,
  WAITING_OF_JOB,
} from './sql/waiting-deliveries.js';
import type { WaitingDelivery } from './sql/waiting-deliveries.js';

/** An action as it is remembered; `outcome` null while it is being done. */
export interface TakenAction {
  outcome: 'done' | 'refused' | null;
  code: ActionRefusal | null;
  deliveries: number;
  /** The row that was made to send again. */
  delivery_id: string | null;
}

export interface AnsweredAction extends TakenAction {
  outcome: 'done' | 'refused';
  answered_at: string;
}

@Injectable()
export class ActionsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Takes an action on, and says how it stands: one that came before may be over, or half done. */
  async take({ action_id, action, subject_type, subject_id, actor, reason }: ActionRequested): Promise<TakenAction> {
    const [row] = await this.database.query<TakenAction>(
      `INSERT INTO actions AS a (id, action, subject_type, subject_id, actor, reason) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO UPDATE SET id = a.id RETURNING outcome, code, deliveries, delivery_id`,
      [action_id, action, subject_type, subject_id, actor, reason],
    );
    return row!;
  }

  /** Deliveries that may wait for a later time. */
  async waiting({ subject_type, subject_id, sources }: ActionRequested): Promise<WaitingDelivery[]> {
    if (subject_type === 'destination') {
      const behind = behindDestination(subject_id);
      return behind === null ? [] : this.database.query(WAITING_BEHIND, [behind.channel, sources, behind.address]);
    }
    if (!UUID.test(subject_id)) return [];
    return this.database.query(subject_type === 'job' ? WAITING_OF_JOB : WAITING_DELIVERY, [subject_id, sources]);
  }

  /** Whether there is such a subject, within the sources. */
  async knows(tx: Tx, { subject_type, subject_id, sources }: ActionRequested): Promise<boolean> {
    if (subject_type === 'destination') return behindDestination(subject_id) !== null;
    if (!UUID.test(subject_id)) return false;
    const known = subject_type === 'job' ? KNOWN_JOB : KNOWN_DELIVERY;
    return (await tx.query(known, [subject_id, sources])).length > 0;
  }

  /** A part of it is done. */
  async did(tx: Tx, action_id: string, delivery_ids: readonly string[]): Promise<void> {
    await tx.execute(ATTEMPT_NOW, [delivery_ids]);
    await tx.execute('UPDATE actions SET deliveries = deliveries + $2 WHERE id = $1', [action_id, delivery_ids.length]);
  }

  async didRepeat(tx: Tx, action_id: string, delivery_id: string): Promise<void> {
    await tx.execute('UPDATE actions SET deliveries = 1, delivery_id = $2 WHERE id = $1', [action_id, delivery_id]);
  }

  /**
   * The end of it, which stays as it is however often it is asked for.
   *
   * @param why_not where it was done to nothing
   */
  async answer(tx: Tx, action_id: string, why_not: ActionRefusal | null): Promise<AnsweredAction> {
    const [row] = await tx.query<AnsweredAction>(
      `UPDATE actions
          SET outcome = coalesce(outcome, CASE WHEN deliveries > 0 THEN 'done' ELSE 'refused' END),
            code = CASE WHEN outcome IS NULL AND deliveries = 0 THEN $2 ELSE code END,
            answered_at = coalesce(answered_at, clock_timestamp())
        WHERE id = $1 RETURNING outcome, code, deliveries, delivery_id, answered_at`,
      [action_id, why_not],
    );
    return row!;
  }
}
