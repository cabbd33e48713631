import { createHash } from 'node:crypto';
import { eventId, eventKey, failureFingerprint } from '@assay/contracts';
import type {
  EventType,
  FindingCounts,
  JobEventData,
  OutgoingEvent,
  ReviewSubmitted,
  ReviewValidated,
  StageDeadLettered,
  StageDelayed,
} from '@assay/contracts';
import type { Judgement, Verdict } from '@assay/review-engine';
import { errorChain, redact } from '@assay/security';
import { MAX_ATTEMPTS } from '@assay/work-queue';
import type { DeadUnit, DelayedUnit } from '@assay/work-queue';
import type { SubmissionBody } from './submission-judge.js';
import type { NewValidation } from './validation.repository.js';

/** Denied paths that a dead letter names; the diagnostics hold more of them. */
const NAMED_PATHS = 20;

/** What every event of one submission says of it. */
function about(data: ReviewSubmitted, revision: number, occurred_at: string): JobEventData {
  const { job_id, source, changelist_id, review_version, generation, correlation_id } = data;
  return { job_id, source, changelist_id, review_version, generation, revision, occurred_at, correlation_id };
}

/** The data of `review.validated`, as bytes: stored so, and published so however often. */
export function validatedData(
  data: ReviewSubmitted,
  verdict: Verdict,
  at: { revision: number; occurred_at: string; judged_by: string },
): Buffer {
  const { outcome, versions, rejection, result, counts, reading, explanation, truncated, lines_defaulted } = verdict;
  const validated: ReviewValidated = {
    ...about(data, at.revision, at.occurred_at),
    outcome,
    versions,
    counts: counts as FindingCounts,
    rejection,
    ...{ reading, explanation, truncated, lines_defaulted },
    result,
    recipients: data.recipients,
    priority: data.priority,
    accepted_at: data.accepted_at,
    allow_list: { submitted_under: data.allow_list_hash, judged_by: at.judged_by },
  };
  return Buffer.from(JSON.stringify(validated));
}

/** The dead letter of a rejected response (VAL-2, VAL-7): one revision above the verdict. */
export function rejectedData(
  { data, bytes }: SubmissionBody,
  { verdict, denied }: Judgement,
  at: { revision: number; occurred_at: string; judged_by: string },
): Buffer {
  const { class: error_class, code } = verdict.rejection!;
  const [reason] = verdict.diagnostics;
  const { field, pointer, from, expected } = reason!;
  const what = `${error_class} ${code}${pointer === null ? '' : ` at ${pointer || 'the top level'}`}`;
  const dead: StageDeadLettered = {
    ...about(data, at.revision + 1, at.occurred_at),
    stage: 'validate',
    subject_type: 'job',
    subject_id: data.job_id,
    error_class,
    code,
    last_stack: redact(`${what}: expected ${expected ?? 'something else'}, got ${JSON.stringify(from)}`),
    sanitized_context: {
      job_id: data.job_id,
      stage: 'validate',
      attempts: at.revision,
      field,
      pointer,
      expected,
      reading: verdict.reading,
      explanation: verdict.explanation,
      versions: verdict.versions,
      ...(denied.length === 0
        ? {}
        : { denied: denied.length, denied_paths: denied.slice(0, NAMED_PATHS).map((path) => redact(path)) }),
      allow_list: { submitted_under: data.allow_list_hash, judged_by: at.judged_by },
      ...payloadFacts(data, bytes),
    },
    first_failure_at: at.occurred_at,
    last_failure_at: at.occurred_at,
    fingerprint: failureFingerprint({ stage: 'validate', error_class, code }),
    summary: null,
  };
  return Buffer.from(JSON.stringify(dead));
}

/** An attempt that failed and has another one due. Its revision is the attempt's number, below any verdict's. */
export function delayedEvent(unit: DelayedUnit<SubmissionBody>, occurred_at: string): OutgoingEvent {
  const { attempt, failure, next_due_at } = unit;
  const { item, body } = unit.unit;
  const data: StageDelayed = {
    ...about(body.data, attempt, occurred_at),
    stage: 'validate',
    subject_type: 'job',
    subject_id: body.data.job_id,
    attempt,
    max_attempts: MAX_ATTEMPTS,
    error_class: failure.error_class,
    code: failure.code,
    next_due_at,
    summary: null,
  };
  return outgoing('stage.delayed', data, item.traceparent, Buffer.from(JSON.stringify(data)));
}

/** Work that no retry will mend: the budget is spent, the workers crashed, or the failure is permanent (DLQ-2). */
export function exhaustedEvent(dead: DeadUnit<SubmissionBody>): OutgoingEvent {
  const { failure, attempts, first_failure_at, last_failure_at } = dead;
  const { item, body } = dead.unit;
  const { error_class, code } = failure;
  const of = about(body.data, attempts, last_failure_at);
  const data: StageDeadLettered = {
    ...of,
    stage: 'validate',
    subject_type: 'job',
    subject_id: body.data.job_id,
    error_class,
    code,
    last_stack: errorChain(failure),
    sanitized_context: {
      job_id: body.data.job_id,
      stage: 'validate',
      attempts,
      crashes: item.crashes,
      ...(failure.upstream_status === undefined ? {} : { upstream_status: failure.upstream_status }),
      ...payloadFacts(body.data, body.bytes),
    },
    first_failure_at,
    last_failure_at,
    fingerprint: failureFingerprint({ stage: 'validate', error_class, code }),
    summary: null,
  };
  return outgoing('stage.dead_lettered', of, item.traceparent, Buffer.from(JSON.stringify(data)));
}

/** A stored result, as what is published of it. */
export interface StoredValidation {
  job_id: string;
  generation: number;
  source: string;
  changelist_id: string;
  revision: number;
  correlation_id: string;
  traceparent: string | null;
  validated_at: string;
  event: Buffer;
  dead_letter: Buffer | null;
}

/** A new result as it will be read back. */
export function asStored(result: NewValidation): StoredValidation {
  const { job_id, generation, source, changelist_id, correlation_id } = result.data;
  const { revision, traceparent, validated_at, event, dead_letter } = result;
  return {
    job_id,
    generation,
    source,
    changelist_id,
    correlation_id,
    revision,
    traceparent,
    validated_at,
    event,
    dead_letter,
  };
}

/** The events of a stored result; the same bytes under the same ids each time (GEN-2). */
export function storedEvents(stored: StoredValidation): OutgoingEvent[] {
  const of = { ...stored, occurred_at: stored.validated_at };
  const events = [outgoing('review.validated', of, stored.traceparent, stored.event)];
  if (stored.dead_letter !== null) {
    const dead = { ...of, revision: stored.revision + 1 };
    events.push(outgoing('stage.dead_lettered', dead, stored.traceparent, stored.dead_letter));
  }
  return events;
}

function outgoing(
  type: EventType,
  of: Pick<
    JobEventData,
    'job_id' | 'source' | 'changelist_id' | 'generation' | 'revision' | 'occurred_at' | 'correlation_id'
  >,
  traceparent: string | null,
  data: Buffer,
): OutgoingEvent {
  const { job_id, source, changelist_id, generation, revision, occurred_at, correlation_id } = of;
  return {
    type,
    id: eventId(job_id, generation, revision, type),
    subject: job_id,
    time: occurred_at,
    key: eventKey(source, changelist_id),
    correlation_id,
    traceparent,
    data,
  };
}

/** Never the payload: its hash, its size and where it stands (DLQ-3). */
function payloadFacts(data: ReviewSubmitted, bytes: Buffer): Record<string, unknown> {
  return {
    payload_bytes: bytes.length,
    payload_sha256: createHash('sha256').update(bytes).digest('hex'),
    payload_reference: `ingest:submission:${data.job_id}`,
  };
}
