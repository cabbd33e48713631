import type { Channel, DeliveryState } from '@assay/contracts';
import type { FindingFilter } from '@assay/providers-file';
import type { DeliveryStanding } from './next-step.js';

/** A delivery as its worker reads it. */
export interface DeliveryRow {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  channel: Channel;
  address: string;
  /** Its idempotency key (DEL-1). */
  key: string;
  /** The parent that it is counted by now. */
  job_id: string;
  generation: number;
  state: DeliveryState;
  intent_token: string | null;
  /** The latest intent that no definite answer has closed, by the database's clock; null where there is none. */
  open_intent_age_ms: number | null;
  /** For how long it may have been sent already: the oldest such intent; null where none is in doubt. */
  doubt_age_ms: number | null;
  /** The provider of the intent that is in doubt, who alone can tell what became of it. */
  sent_via: string | null;
  notification_id: string | null;
  notified_at: string | null;
  /** What the first intent froze (DEL-3); null before it. */
  frozen: { job_id: string; generation: number; render_version: number; payload_hash: string } | null;
  /** The limit of the compact form, where that is the one that is sent; null: the whole one is. */
  compact_bytes: number | null;
  /** What its recipient asks for, frozen with the payload's hash; null before that, or where every finding is told. */
  filter: FindingFilter | null;
  /** Of this generation, by the database's clock; null before it. */
  first_attempt_at: string | null;
  /** Since then; before it, since the row was put to work. */
  waits_ms: number;
  /** A review of a newer version has come (ING-6). */
  newer_version_known: boolean;
  /** Its job was cancelled (ING-13). */
  cancelled: boolean;
}

export function standingOf(row: DeliveryRow): DeliveryStanding {
  const { state, notification_id, notified_at, open_intent_age_ms, doubt_age_ms } = row;
  const { newer_version_known, cancelled } = row;
  const intent_open = open_intent_age_ms !== null;
  return { state, notification_id, notified_at, intent_open, doubt_age_ms, newer_version_known, cancelled };
}
