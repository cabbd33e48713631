import { jobEvent } from '@assay/contracts';
import type { OutgoingEvent, ReviewCancelled } from '@assay/contracts';
import { encodeEvents } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';
import type { CancellableJob } from './sql/cancel-job.js';

/** The queue whose items publish that a job was cancelled. */
const CANCEL_QUEUE = 'cancel';
/** A generation is cancelled once. */
export const CANCELLED_REVISION = 1;

/** `review.cancelled`, by the time at which its job was locked. */
export function cancelledEvent(job: CancellableJob, actor: string, reason: string): OutgoingEvent {
  const { id: job_id, source, changelist_id, review_version, generation, correlation_id, now: occurred_at } = job;
  const data: ReviewCancelled = {
    ...{ job_id, source, changelist_id, review_version, generation, revision: CANCELLED_REVISION },
    ...{ occurred_at, correlation_id, actor, reason },
  };
  return jobEvent('review.cancelled', data, { traceparent: job.traceparent });
}

export function cancelledItem(job: CancellableJob, event: OutgoingEvent): NewItem {
  const { id: subject_id, source, generation, priority, correlation_id, traceparent } = job;
  return {
    ...{
      queue: CANCEL_QUEUE,
      source,
      subject_id,
      generation,
      priority,
      phase: 'publish',
      payload: encodeEvents([event]),
    },
    ...{ correlation_id, traceparent },
  };
}
