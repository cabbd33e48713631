import { failureFingerprint, jobEvent } from '@assay/contracts';
import type { EventData, Failure, OutgoingEvent, Stage, StageDeadLettered } from '@assay/contracts';
import { errorChain } from '@assay/security';
import type { WorkItem } from './item.js';

/** Where an event comes from that does not say so itself. */
const STAGE_OF_EVENT: Partial<Record<OutgoingEvent['type'], Stage>> = {
  'review.submitted': 'ingest',
  'review.settled': 'ingest',
  'review.cancelled': 'ingest',
  'review.validated': 'validate',
  'delivery.settled': 'notify',
};

/**
 * The small dead letter `PUBLISH_REJECTED` in place of an event that was refused for ever (WQ-1). Empty when the
 * refused event was itself a dead letter of this kind: the log has said so, and a loop would say no more.
 */
export function rejectionEvents(
  item: WorkItem,
  refused: OutgoingEvent,
  failure: Failure,
  now: string,
): OutgoingEvent[] {
  const about = JSON.parse(refused.data.toString('utf8')) as RefusedData;
  if (about.error_class === 'PUBLISH_REJECTED') return [];
  const data = deadLetterOf(about, item, refused, failure, now);
  return [jobEvent('stage.dead_lettered', data, { subject: data.subject_id, traceparent: refused.traceparent })];
}

type RefusedData = EventData & { error_class?: string; stage?: Stage };

function deadLetterOf(
  about: RefusedData,
  item: WorkItem,
  refused: OutgoingEvent,
  failure: Failure,
  now: string,
): StageDeadLettered {
  const stage = about.stage ?? STAGE_OF_EVENT[refused.type] ?? 'ingest';
  const cause = { stage, error_class: 'PUBLISH_REJECTED' as const, code: failure.code };
  return {
    job_id: about.job_id,
    source: about.source,
    changelist_id: about.changelist_id,
    review_version: about.review_version,
    generation: about.generation,
    revision: about.revision + 1,
    occurred_at: now,
    correlation_id: refused.correlation_id,
    ...cause,
    subject_type: 'job',
    subject_id: about.job_id ?? refused.subject,
    last_stack: errorChain(failure),
    sanitized_context: {
      event_type: refused.type,
      event_id: refused.id,
      queue: item.queue,
      bytes: refused.data.length,
    },
    first_failure_at: now,
    last_failure_at: now,
    fingerprint: failureFingerprint({ ...cause, where: refused.type }),
    summary: null,
  };
}
