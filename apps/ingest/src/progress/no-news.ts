import { eventId, Failure, failureFingerprint, jobEvent } from '@assay/contracts';
import type { OutgoingEvent, StageDeadLettered } from '@assay/contracts';
import { errorChain } from '@assay/security';
import type { QuietJob } from './forgotten-jobs.repository.js';
import type { NewHop } from './progress.repository.js';

/** Republications before a job without news is given up (ING-11). */
export const MAX_REMINDERS = 3;

/** The revision of ingest's dead letter of a job: after all that ingest has told of this generation, before its end. */
function revisionOf({ ingest_revision }: QuietJob): number {
  return ingest_revision + 1;
}

/** The stage that was to speak: after an accepted response the notifier, before it the validator. */
function awaitedStage(job: QuietJob): 'validate' | 'notify' {
  return job.counts !== null || job.stage === 'notify' ? 'notify' : 'validate';
}

export function noNewsHop(job: QuietJob): NewHop {
  return {
    job_id: job.id,
    event_id: eventId(job.id, job.generation, revisionOf(job), 'stage.dead_lettered'),
    generation: job.generation,
    revision: revisionOf(job),
    occurred_at: job.now,
    service: 'ingest',
    stage: 'ingest',
    type: 'stage.dead_lettered',
    attempt: null,
    error_class: 'NO_NEWS',
    code: 'no_news',
    reading: null,
    next_due_at: null,
    from_state: job.state,
    to_state: 'failed',
    cause: 'no_news',
  };
}

/** The dead letter of a job that three republications brought no answer for. */
export function noNewsEvent(job: QuietJob): OutgoingEvent {
  const awaited_stage = awaitedStage(job);
  const failure = new Failure({
    error_class: 'NO_NEWS',
    code: 'no_news',
    retryable: false,
    message: `stage ${awaited_stage} has not answered ${MAX_REMINDERS} publications of the submission`,
  });
  const { error_class, code } = failure;
  const data: StageDeadLettered = {
    job_id: job.id,
    source: job.source,
    changelist_id: job.changelist_id,
    review_version: job.review_version,
    generation: job.generation,
    revision: revisionOf(job),
    occurred_at: job.now,
    correlation_id: job.correlation_id,
    stage: 'ingest',
    subject_type: 'job',
    subject_id: job.id,
    error_class,
    code,
    last_stack: errorChain(failure),
    sanitized_context: { awaited_stage, state: job.state, reminders: job.reminders },
    first_failure_at: job.quiet_since,
    last_failure_at: job.now,
    fingerprint: failureFingerprint({ stage: 'ingest', error_class, code, where: awaited_stage }),
    summary: job.deliveries,
  };
  return jobEvent('stage.dead_lettered', data, { traceparent: job.traceparent });
}
