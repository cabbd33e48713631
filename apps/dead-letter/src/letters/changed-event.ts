import { jobEvent } from '@assay/contracts';
import type { DeadLetterChanged, OutgoingEvent } from '@assay/contracts';
import type { Transition } from './dead-letter.js';

/** `dead_letter.changed` of one transition: its revision is the transition's number, so each is published once. */
export function changedEvent({ letter, change, to_state, cause }: Transition, occurred_at: string): OutgoingEvent {
  const data: DeadLetterChanged = {
    job_id: letter.job_id,
    source: letter.source,
    changelist_id: letter.changelist_id,
    review_version: letter.review_version,
    generation: letter.generation,
    revision: change,
    occurred_at,
    correlation_id: letter.correlation_id,
    dead_letter_id: letter.id,
    subject_type: letter.subject_type as DeadLetterChanged['subject_type'],
    subject_id: letter.subject_id,
    stage: letter.stage as DeadLetterChanged['stage'],
    error_class: letter.error_class as DeadLetterChanged['error_class'],
    state: to_state,
    cause,
  };
  return jobEvent('dead_letter.changed', data, { subject: letter.id, traceparent: letter.traceparent });
}
