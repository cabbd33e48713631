import { Inject, Injectable } from '@nestjs/common';
import { encodeEntry } from '@assay/audit-log';
import type { Json } from '@assay/audit-log';
import { counter, currentContext } from '@assay/observability';
import type { Tx } from '@assay/postgres';
import { actorOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { v7 } from 'uuid';
import { EntriesRepository } from './entries.repository.js';

const written = counter('assay_audit_entries_total', 'Entries of the audit log, by what was done.');

/** What is written down, by what it is called in the log. */
export type AuditAction =
  | 'dead_letter.triaged'
  | 'dead_letter.discarded'
  | 'evidence.attached'
  | 'replay.ended'
  | 'replay_plan.frozen'
  | 'replay_plan.executed'
  | 'replay_plan.paused'
  | 'replay_plan.resumed'
  | 'replay_plan.cancelled'
  | 'delivery.send_now'
  | 'delivery.send_again'
  | 'audit.viewed';

export interface Act {
  action: AuditAction;
  principal: Principal;
  subject_type: string;
  subject_id: string;
  /** Null where it is about no one source. */
  source: string | null;
  /** As it was given, redacted. */
  reason?: string | null;
  details?: { [name: string]: Json };
}

export const SERVICE = 'dead-letter';

/** Writes down who did what, in the transaction in which it is done: neither stands without the other (DLQ-11). */
@Injectable()
export class AuditTrail {
  constructor(@Inject(EntriesRepository) private readonly entries: EntriesRepository) {}

  async record(tx: Tx, { action, principal, reason = null, details = {}, ...subject }: Act): Promise<void> {
    const { correlation_id, origin = null } = currentContext();
    const id = v7();
    const occurred_at = await this.entries.now(tx);
    const entry = encodeEntry({
      ...{ id, occurred_at, service: SERVICE, action, outcome: 'done', actor: actorOf(principal) },
      ...{ role: principal.role, origin, ...subject, reason, correlation_id, details },
    });
    await this.entries.insert(tx, [{ id, entry }]);
    tx.afterCommit(() => written.add(1, { action }));
  }
}
