import { eventId, eventKey } from '@assay/contracts';
import type { OutgoingEvent, Recipient, ReviewSubmitted, Submission } from '@assay/contracts';

/** What of a job its `review.submitted` is made of; the same after a crash, so that the bytes are the same, too. */
export interface SubmittedJob {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  generation: number;
  priority: number;
  recipients: Recipient[];
  allow_list_hash: string;
  correlation_id: string;
  traceparent: string | null;
  accepted_at: string;
}

/** The submission is the first that ingest says of a generation. */
export const SUBMITTED_REVISION = 1;

const CLOSE = Buffer.from('}');
/** As long as any. */
const SOME_TIME = '2026-01-01T00:00:00.000000Z';

/**
 * The event with the caller's body spliced in byte for byte: it is judged as it came, and never written anew. `parsed`
 * is the same body as a value, where it is at hand: it spares the publisher's schema check a parse.
 */
export function submittedEvent(job: SubmittedJob, body: Buffer, parsed?: Submission): OutgoingEvent {
  const head = headOf(job);
  const prefix = prefixOf(head);
  return {
    type: 'review.submitted',
    id: eventId(job.id, job.generation, SUBMITTED_REVISION, 'review.submitted'),
    subject: job.id,
    time: job.accepted_at,
    key: eventKey(job.source, job.changelist_id),
    correlation_id: job.correlation_id,
    traceparent: job.traceparent,
    data: Buffer.concat([prefix, body, CLOSE]),
    ...(parsed && { value: { ...head, submission: parsed } as ReviewSubmitted }),
  };
}

function headOf(job: SubmittedJob): Omit<ReviewSubmitted, 'submission'> {
  return {
    job_id: job.id,
    source: job.source,
    changelist_id: job.changelist_id,
    review_version: job.review_version,
    generation: job.generation,
    revision: SUBMITTED_REVISION,
    occurred_at: job.accepted_at,
    correlation_id: job.correlation_id,
    priority: job.priority,
    allow_list_hash: job.allow_list_hash,
    recipients: job.recipients,
    accepted_at: job.accepted_at,
  };
}

function prefixOf(head: object): Buffer {
  return Buffer.from(`${JSON.stringify(head).slice(0, -1)},"submission":`);
}

/** What the event has beside the caller's body, before the time of its acceptance is known. */
export function headBytes(job: Omit<SubmittedJob, 'generation' | 'accepted_at'>): number {
  const told = { ...job, generation: 0, accepted_at: SOME_TIME };
  return prefixOf(headOf(told)).length + CLOSE.length + Buffer.byteLength(eventKey(job.source, job.changelist_id));
}
