import type {
  DeliverySettled,
  DeliverySummary,
  EventType,
  FindingCounts,
  JobState,
  ReceivedEvent,
  ReviewValidated,
  Stage,
  StageDeadLettered,
  StageDelayed,
  VersionDecision,
} from '@assay/contracts';

/** What an event says of a job, in the words that progress is judged by. */
export interface News {
  event_id: string;
  type: EventType;
  job_id: string;
  source: string;
  generation: number;
  stage: Stage;
  revision: number;
  occurred_at: string;
  /** Where the job stands if this is the latest word on it. */
  state: JobState;
  counts: FindingCounts | null;
  versions: VersionDecision | null;
  /** How the review result was read (VAL-15). */
  reading: string | null;
  /** It is not whole: the answer was cut off (VAL-16). */
  truncated: boolean | null;
  summary: DeliverySummary | null;
  attempt: number | null;
  error_class: string | null;
  code: string | null;
  /** Until then nobody need speak of the job: an attempt is due, or a destination is waited for (ING-11). */
  next_due_at: string | null;
  /** For the timeline, in a stable form: `accepted`, `smtp_450`, … */
  cause: string;
}

type Common = Pick<News, 'event_id' | 'type' | 'job_id' | 'source' | 'generation' | 'revision' | 'occurred_at'> &
  Pick<News, 'counts' | 'versions' | 'reading' | 'truncated' | 'summary'> &
  Pick<News, 'attempt' | 'error_class' | 'code' | 'next_due_at'>;

function common(event: ReceivedEvent, job_id: string): Common {
  const { source, generation, revision, occurred_at } = event.data;
  return {
    ...{ event_id: event.id, type: event.type, job_id, source, generation, revision, occurred_at },
    ...{ counts: null, versions: null, reading: null, truncated: null, summary: null },
    ...{ attempt: null, error_class: null, code: null, next_due_at: null },
  };
}

/** A rejected response ends its generation: its dead letter follows by itself (VAL-2). */
export function newsOfValidated(event: ReceivedEvent<ReviewValidated>): News {
  const { job_id, outcome, counts, versions, rejection, reading = null, truncated = false } = event.data;
  return {
    ...common(event, job_id),
    ...{ stage: 'validate', counts, versions, reading, truncated },
    state: outcome === 'rejected' ? 'failed' : 'in_progress',
    error_class: rejection?.class ?? null,
    code: rejection?.code ?? null,
    cause: rejection?.code ?? outcome,
  };
}

export function newsOfSettled(event: ReceivedEvent<DeliverySettled>): News {
  const { job_id, summary, deliveries, waits_until = null } = event.data;
  const states = [...new Set(deliveries.map(({ state, repeat }) => (repeat ? `${state}_again` : state)))].toSorted();
  return {
    ...common(event, job_id),
    ...{ stage: 'notify', summary, state: stateOf(summary), next_due_at: waits_until },
    cause: states.length === 0 ? 'adopted' : states.join(','),
  };
}

export function newsOfDelayed(event: ReceivedEvent<StageDelayed>): News {
  const { job_id, stage, summary, attempt, error_class, code, next_due_at, waits_until } = event.data;
  return {
    ...common(event, job_id),
    ...{ stage, summary, attempt, error_class, code, state: 'retryable_failed', cause: code },
    // Another of its deliveries may be due later.
    next_due_at: waits_until ?? next_due_at,
  };
}

/** Null where the subject is no job's: a parked record or a credential moves none. */
export function newsOfDeadLettered(event: ReceivedEvent<StageDeadLettered>): News | null {
  const { job_id, stage, summary, error_class, code, waits_until = null } = event.data;
  if (job_id === null) return null;
  return {
    ...common(event, job_id),
    ...{ stage, summary, error_class, code, cause: code, next_due_at: waits_until },
    state: summary === null ? 'failed' : stateOf(summary),
  };
}

/** ING-9: where a job stands once its deliveries are as the notifier's summary says. */
export function stateOf(summary: DeliverySummary): JobState {
  if (summary.open > 0) return 'in_progress';
  if (summary.failed > 0) return 'failed';
  return everyDeliverySuperseded(summary) ? 'superseded' : 'succeeded';
}

function everyDeliverySuperseded(summary: DeliverySummary): boolean {
  const counted = Object.values(summary.by_channel).flatMap((states) => Object.entries(states));
  const present = counted.filter(([, count]) => count > 0);
  return present.length > 0 && present.every(([state]) => state === 'superseded');
}
