import { failureFingerprint, jobEvent } from '@assay/contracts';
import type { ErrorClass, Failure, JobEventData, OutgoingEvent, SettledDelivery } from '@assay/contracts';
import { errorChain } from '@assay/security';
import type { ReceiverAnswer } from '../providers/provider.js';
import type { ChangedDelivery, Parent } from './delivery.repository.js';

/** What every event about a parent begins with. */
function common(parent: Parent): JobEventData & { waits_until?: string } {
  const { job_id, generation, source, changelist_id, review_version, revision, occurred_at, correlation_id } = parent;
  const { waits_until } = parent;
  return {
    ...{ job_id, source, changelist_id, review_version, generation, revision, occurred_at, correlation_id },
    ...(waits_until !== null && { waits_until }),
  };
}

/** `delivery.settled`: one per parent and transaction, with the parent's full summary (DEL-15). */
export function settledEvent(parent: Parent, settled: readonly ChangedDelivery[]): OutgoingEvent {
  const deliveries = settled.flatMap(settledDeliveries);
  const data = { ...common(parent), summary: parent.summary, deliveries };
  return jobEvent('delivery.settled', data, { traceparent: parent.traceparent });
}

/** One for each delivery whose dead letter finds its end here: itself, and the first of each chain that it ends. */
function settledDeliveries(of: ChangedDelivery): SettledDelivery[] {
  const { id: delivery_id, channel, state, notification_id, notified_at, dead_lettered, repeat, withheld } = of;
  return subjectsOf(of).map((subject) => ({
    ...{ delivery_id, channel, state, notification_id, notified_at },
    ...(dead_lettered && { had_dead_letter: true }),
    ...(repeat > 0 && { repeat }),
    ...(withheld > 0 && { withheld }),
    ...(subject !== delivery_id && { original_id: subject }),
  }));
}

/** The deliveries that dead letters about this one name (DEL-10). */
function subjectsOf({ id, original_ids }: ChangedDelivery): string[] {
  return original_ids ?? [id];
}

export interface DelayFacts {
  attempt: number;
  failure: Failure;
  next_due_at: string;
}

export function delayedEvent(parent: Parent, delivery_id: string, facts: DelayFacts): OutgoingEvent {
  const { attempt, failure, next_due_at } = facts;
  const data = {
    ...common(parent),
    stage: 'notify' as const,
    subject_type: 'delivery' as const,
    subject_id: delivery_id,
    attempt,
    max_attempts: null,
    error_class: failure.error_class,
    code: failure.code,
    next_due_at,
    summary: parent.summary,
  };
  return jobEvent('stage.delayed', data, { subject: delivery_id, traceparent: parent.traceparent });
}

export interface DeadLetterFacts {
  delivery: ChangedDelivery;
  /** Where it was to go, e.g. `webhook:release-bot`; never a person's address. */
  destination: string;
  error_class: ErrorClass;
  failure: Failure;
  attempts: number;
  first_failure_at: string;
  last_failure_at: string;
  /** What the receiver said to the last attempt. */
  answer?: ReceiverAnswer;
}

/**
 * DLQ-3's facts of a delivery that no retry will mend, told once for each delivery that it stands for. Ids and codes
 * only: no address, no payload.
 */
export function deadLetterEvents(parent: Parent, facts: DeadLetterFacts): OutgoingEvent[] {
  return subjectsOf(facts.delivery).map((subject_id) => deadLetterEvent(parent, facts, subject_id));
}

function deadLetterEvent(parent: Parent, facts: DeadLetterFacts, subject_id: string): OutgoingEvent {
  const { delivery, destination, error_class, failure, attempts } = facts;
  const data = {
    ...common(parent),
    stage: 'notify' as const,
    subject_type: 'delivery' as const,
    subject_id,
    error_class,
    code: failure.code,
    last_stack: errorChain(failure),
    sanitized_context: {
      job_id: parent.job_id,
      delivery_id: delivery.id,
      stage: 'notify',
      channel: delivery.channel,
      destination,
      delivery_state: delivery.state,
      attempts,
      upstream_status: failure.upstream_status ?? null,
      answer: facts.answer ?? null,
      payload_sha256: delivery.payload_hash,
      payload_reference: `notifier.deliveries/${delivery.id}`,
    },
    first_failure_at: facts.first_failure_at,
    last_failure_at: facts.last_failure_at,
    fingerprint: failureFingerprint({ stage: 'notify', error_class, code: failure.code, where: destination }),
    summary: parent.summary,
  };
  return jobEvent('stage.dead_lettered', data, { subject: subject_id, traceparent: parent.traceparent });
}
