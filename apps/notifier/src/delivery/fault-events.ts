import { failureFingerprint, jobEvent } from '@assay/contracts';
import type { Failure, OutgoingEvent } from '@assay/contracts';
import { errorChain } from '@assay/security';
import type { ReceiverAnswer } from '../providers/provider.js';

export type FaultSubject = 'credential' | 'destination';

/** A destination that fails, or our credential there, as its dead letter tells it. */
export interface ToldFault {
  subject_type: FaultSubject;
  subject_id: string;
  /** Where, e.g. `webhook:release-bot`; never a person's address. */
  destination: string;
  /** Of the credential. */
  version: number;
  revision: number;
  reports: number;
  failing_since: string;
  last_failure_at: string;
  /** At the latest. */
  next_attempt_at: string;
  failure: Failure;
  answer: ReceiverAnswer | undefined;
  waiting: WaitingWork;
  correlation_id: string;
  traceparent: string | null;
}

/** The jobs whose deliveries wait for it, the oldest first, as far as they are listed; `jobs` counts up to `more`. */
export interface WaitingWork {
  job_ids: string[];
  sources: string[];
  jobs: number;
  more: boolean;
}

/** It belongs to no source: only operators of all sources see its dead letter. */
const NO_JOB = { job_id: null, source: '*', changelist_id: null, review_version: null, generation: 0 };

/** One dead letter for each, which every later one brings up to date (DEL-7, DEL-8). */
export function faultEvent(fault: ToldFault): OutgoingEvent {
  const { subject_type, subject_id, destination, failure, waiting, correlation_id } = fault;
  const { error_class, code } = failure;
  const data = {
    ...NO_JOB,
    revision: fault.revision,
    occurred_at: fault.last_failure_at,
    correlation_id,
    stage: 'notify' as const,
    subject_type,
    subject_id,
    error_class,
    code,
    last_stack: errorChain(failure),
    sanitized_context: {
      stage: 'notify',
      destination,
      ...(subject_type === 'credential' && { credential_version: fault.version }),
      message: failure.message,
      upstream_status: failure.upstream_status ?? null,
      answer: fault.answer ?? null,
      reports: fault.reports,
      next_attempt_at: fault.next_attempt_at,
      waiting: waiting.jobs,
      more_jobs_wait: waiting.more,
      waiting_sources: waiting.sources,
      waiting_jobs: waiting.job_ids,
    },
    first_failure_at: fault.failing_since,
    last_failure_at: fault.last_failure_at,
    fingerprint: failureFingerprint({ stage: 'notify', error_class, code, where: destination }),
    summary: null,
  };
  return jobEvent('stage.dead_lettered', data, { subject: subject_id, traceparent: fault.traceparent });
}

export interface Recovery {
  subject_type: FaultSubject;
  subject_id: string;
  revision: number;
  recovered_at: string;
  correlation_id: string;
}

export function recoveredEvent({ recovered_at, ...recovery }: Recovery): OutgoingEvent {
  const data = { ...NO_JOB, ...recovery, occurred_at: recovered_at, stage: 'notify' as const, cause: 'delivered' };
  return jobEvent('stage.recovered', data, { subject: recovery.subject_id, traceparent: null });
}
