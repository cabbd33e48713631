import type { DeliveryState } from '@assay/contracts';

/** Why a delivery moved; stored with each transition (GEN-1). */
export const DELIVERY_CAUSES = [
  'review_validated',
  'newer_version_known',
  'intent_recorded',
  'provider_accepted',
  'attempt_failed',
  'refused_for_ever',
  'attempts_exhausted',
  'outcome_unknown',
  'not_sent',
  'superseded_by_newer_version',
  'new_job_for_the_same_version',
  'replayed',
  'resent',
  'waived',
  'recipient_corrected',
  'cancelled',
  'below_threshold',
  'sent_again',
] as const;
export type DeliveryCause = (typeof DELIVERY_CAUSES)[number];

export interface DeliveryMove {
  from: DeliveryState | null;
  to: DeliveryState;
  causes: readonly DeliveryCause[];
}

/**
 * The delivery's state machine (DEL-2, GEN-1): every move there is. The diagram of the documentation and the checks of
 * the tests read this list; the SQL that moves rows names the same states in its WHERE clauses.
 */
export const DELIVERY_MOVES: readonly DeliveryMove[] = [
  { from: null, to: 'pending', causes: ['review_validated', 'recipient_corrected', 'sent_again'] },
  { from: null, to: 'superseded', causes: ['newer_version_known'] },
  { from: 'pending', to: 'sending', causes: ['intent_recorded'] },
  { from: 'retry_scheduled', to: 'sending', causes: ['intent_recorded'] },
  // A successor that sends again under the same key takes the open intent over (policy `resend`).
  { from: 'sending', to: 'sending', causes: ['intent_recorded'] },
  { from: 'sending', to: 'sent', causes: ['provider_accepted'] },
  // Found at the provider after an attempt whose outcome was not known.
  { from: 'retry_scheduled', to: 'sent', causes: ['provider_accepted'] },
  { from: 'pending', to: 'sent', causes: ['provider_accepted'] },
  { from: 'sending', to: 'retry_scheduled', causes: ['attempt_failed'] },
  { from: 'pending', to: 'retry_scheduled', causes: ['attempt_failed'] },
  // The intent was closed before a byte had left: the lease was too short, or Postgres away.
  { from: 'sending', to: 'pending', causes: ['not_sent'] },

  { from: 'sending', to: 'failed_permanent', causes: ['refused_for_ever', 'attempts_exhausted'] },
  { from: 'pending', to: 'failed_permanent', causes: ['refused_for_ever', 'attempts_exhausted'] },
  { from: 'retry_scheduled', to: 'failed_permanent', causes: ['refused_for_ever', 'attempts_exhausted'] },
  { from: 'sending', to: 'unknown', causes: ['outcome_unknown', 'attempts_exhausted'] },
  { from: 'retry_scheduled', to: 'unknown', causes: ['outcome_unknown', 'attempts_exhausted'] },
  { from: 'pending', to: 'unknown', causes: ['outcome_unknown', 'attempts_exhausted'] },
  { from: 'pending', to: 'superseded', causes: ['superseded_by_newer_version'] },
  { from: 'retry_scheduled', to: 'superseded', causes: ['superseded_by_newer_version'] },
  { from: 'failed_permanent', to: 'superseded', causes: ['superseded_by_newer_version'] },
  {
    from: 'failed_permanent',
    to: 'pending',
    causes: ['new_job_for_the_same_version', 'replayed', 'resent', 'recipient_corrected'],
  },

  // The job was cancelled before anything was sent (ING-13).
  // Or its recipient wants no word where no finding is left of what it asks for (DEL-16).
  { from: 'pending', to: 'waived', causes: ['cancelled', 'below_threshold'] },
  { from: 'retry_scheduled', to: 'waived', causes: ['cancelled', 'below_threshold'] },

  // What an operator decides (DEL-10).
  { from: 'unknown', to: 'pending', causes: ['resent'] },
  { from: 'failed_permanent', to: 'waived', causes: ['waived'] },
  { from: 'unknown', to: 'waived', causes: ['waived'] },
  { from: 'failed_permanent', to: 'replaced', causes: ['recipient_corrected'] },
  { from: 'unknown', to: 'replaced', causes: ['recipient_corrected'] },
  // A newer version is known by now: nothing of this one is sent again.
  { from: 'unknown', to: 'superseded', causes: ['superseded_by_newer_version'] },
  // Somebody's address was corrected to that of a recipient who was given up before.
  { from: 'waived', to: 'pending', causes: ['recipient_corrected'] },
  { from: 'replaced', to: 'pending', causes: ['recipient_corrected'] },
];

/** States with automatic work left: what a parent's `open` counts (DEL-15). */
export const OPEN_DELIVERY_STATES = ['pending', 'sending', 'retry_scheduled'] as const satisfies DeliveryState[];
/** States that make a job fail once nothing is open: what a parent's `failed` counts (ING-9, DEL-15). */
export const FAILED_DELIVERY_STATES = ['failed_permanent', 'unknown'] as const satisfies DeliveryState[];

export function mayMove(from: DeliveryState | null, to: DeliveryState, cause: DeliveryCause): boolean {
  return DELIVERY_MOVES.some((move) => move.from === from && move.to === to && move.causes.includes(cause));
}
