import type { DeliveryState } from '@assay/contracts';
import type { Capabilities } from '../providers/provider.js';
import { OPEN_DELIVERY_STATES } from './delivery-states.js';

/** What of a delivery's row decides whether it may be sent. */
export interface DeliveryStanding {
  state: DeliveryState;
  notification_id: string | null;
  notified_at: string | null;
  /** An intent to send that no definite answer has closed. */
  intent_open: boolean;
  /** Age of the oldest attempt that may have gone through; null where none may. */
  doubt_age_ms: number | null;
  /** A review of a newer version has come. */
  newer_version_known: boolean;
  /** Its job was cancelled. */
  cancelled: boolean;
}

export type NextStep =
  /** Settled or given to somebody else: nothing to do. */
  | 'leave'
  /** Nothing can have been sent. */
  | 'send'
  /** Nothing can have been sent, and a newer version has come meanwhile: nobody need be told of this one (ING-6). */
  | 'supersede'
  /** Nothing can have been sent, and its job was cancelled meanwhile (ING-13). */
  | 'cancel'
  /** It may have been sent, and the receiver takes a second one with the same key for the first. */
  | 'send_again'
  /** It may have been sent, and the provider can tell. */
  | 'ask'
  /** It may have been sent, and nobody can tell, or the key may be forgotten by now: an operator decides. */
  | 'hold';

/** DEL-3's decision after the re-read, and DEL-4's policy for a row whose outcome is not known. */
export function nextStep(row: DeliveryStanding, capabilities: Capabilities): NextStep {
  if (row.notified_at !== null) return 'leave';
  if (!(OPEN_DELIVERY_STATES as readonly DeliveryState[]).includes(row.state)) return 'leave';
  if (row.notification_id === null && !row.intent_open) return unsentStep(row);
  if (capabilities.lookup !== null) return 'ask';
  const remembered = (row.doubt_age_ms ?? 0) < (capabilities.idempotent_for_ms ?? Number.POSITIVE_INFINITY);
  return capabilities.ambiguous_policy === 'resend' && remembered ? 'send_again' : 'hold';
}

function unsentStep({ newer_version_known, cancelled }: DeliveryStanding): NextStep {
  if (newer_version_known) return 'supersede';
  return cancelled ? 'cancel' : 'send';
}
