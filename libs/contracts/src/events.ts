import type { ActionAnswered, ActionRequested } from './actions.js';
import type { ErrorClass } from './failure.js';
import type { ReplayAccepted, ReplayRefused, ReplayRequested } from './replay.js';
import type { DeadLetterState, DeliveryState, JobState, Recipient, Stage, SubjectType } from './states.js';

/** What every event's data carries (GEN-8, GEN-9). Times are RFC 3339 UTC with milliseconds. */
export interface EventData {
  /** Null only where the subject is not a job's: a parked record, a credential or a destination. */
  job_id: string | null;
  source: string;
  changelist_id: string | null;
  review_version: number | null;
  generation: number;
  /** Rises with every event of the same job, generation and stage; readers ignore an older one (GEN-9). */
  revision: number;
  /** By the database's clock (GEN-4). */
  occurred_at: string;
  correlation_id: string;
}

export interface JobEventData extends EventData {
  job_id: string;
  changelist_id: string;
  review_version: number;
}

/** A changed file by its path, or with the path that it had before it was renamed (ING-1). */
export type ChangedFile = string | { path: string; previous_path?: string | null };

/** The caller's body as it was accepted: spliced into the event byte for byte, never written anew. */
export interface Submission {
  changed_files: ChangedFile[];
  root?: string | null;
  case_insensitive_paths?: boolean;
  /** Raw output as text, or the JSON object itself (ING-1). */
  review_result: unknown;
  review_result_format?: 'json';
  [member: string]: unknown;
}

export interface ReviewSubmitted extends JobEventData {
  priority: number;
  /** SHA-256 (hex) of the allow-list that ingest judged the changed files by (VAL-7). */
  allow_list_hash: string;
  /** Canonical (ING-1). */
  recipients: Recipient[];
  accepted_at: string;
  submission: Submission;
}

export interface VersionDecision {
  /** As received; null where it could not be read. */
  schema_version: string | null;
  /** The registered version it was read as (VER-3). */
  read_as: string | null;
  prompt_version: string | null;
  schema_verdict: string | null;
  prompt_verdict: string | null;
}

export interface FindingCounts {
  submitted: number;
  kept: number;
  dropped: number;
  coerced: number;
  /** Every diagnostic by its reason code, rejections and warnings included. */
  by_code: Record<string, number>;
}

export interface Finding {
  id: string;
  severity: string;
  category: string;
  title: string;
  file: string;
  line: number;
  message: string;
  end_line?: number;
  suggestion?: string;
  confidence?: string;
  rule_id?: string;
  [field: string]: unknown;
}

/** Public. Holds recipients' addresses: whoever may read this topic may read them. Never the changed files. */
export interface ReviewValidated extends JobEventData {
  outcome: 'accepted' | 'rejected';
  versions: VersionDecision;
  counts: FindingCounts;
  rejection: { class: ErrorClass; code: string } | null;
  /** The review result as kept (CON-1's canonical form); null when rejected. */
  result: { schema_version: string; prompt_version: string; findings: Finding[]; summary?: string } | null;
  recipients: Recipient[];
  priority: number;
  accepted_at: string;
  allow_list: { submitted_under: string; judged_by: string };
  /** How it was read: lenient or strict (VAL-15). */
  reading?: string;
  /** Why it was rejected, or where an answer was cut off of which a part was kept (VAL-17). */
  explanation?: RejectionExplanation | null;
  /** The answer was cut off: the result is what of it had come whole (VAL-16). */
  truncated?: boolean;
  /** Ids of findings that name no line, and stand at line 1 as claims about their whole file (VAL-18). */
  lines_defaulted?: string[];
}

export interface RejectionExplanation {
  /** One of a closed list, as `truncated` or `code_fence`. */
  sub_reason: string;
  cure: string;
  /** Bytes from the start of the raw output; null, as line and column, where no place is meant. */
  offset: number | null;
  line: number | null;
  column: number | null;
  found: string | null;
  expected: string | null;
}

/** The parent's full summary: what of one (job, generation) is left, and how it stands (DEL-15). */
export interface DeliverySummary {
  /** Deliveries with automatic work left. */
  open: number;
  /** Deliveries `failed_permanent`, or `unknown` and held. */
  failed: number;
  /** Every delivery of the job, by channel, then by state. */
  by_channel: Record<string, Partial<Record<DeliveryState, number>>>;
  /** Findings that recipients' thresholds withheld, summed over its deliveries; absent where none were (DEL-16). */
  withheld?: number;
}

export interface SettledDelivery {
  delivery_id: string;
  channel: string;
  state: DeliveryState;
  notification_id: string | null;
  notified_at: string | null;
  /** A dead letter was opened about it before: one that is still on its way must find this end (GEN-9). */
  had_dead_letter?: boolean;
  /** Where this delivery goes to a corrected recipient: the first of its chain, which dead letters are about (DEL-10). */
  original_id?: string | null;
  /** It sends again what was sent, for the so-manieth time: the job has ended without it (DEL-17). */
  repeat?: number;
  /** Findings that its recipient's thresholds withheld; absent where none were (DEL-16). */
  withheld?: number;
}

export interface DeliverySettled extends JobEventData {
  summary: DeliverySummary;
  /** Those that settled now; empty where the job only adopted what an earlier one had sent. */
  deliveries: SettledDelivery[];
  /** Until then nobody need speak of the job; absent where nothing waits (ING-11). */
  waits_until?: string;
}

export interface StageDelayed extends JobEventData {
  stage: Stage;
  subject_type: SubjectType;
  subject_id: string;
  /** The attempt that failed, from 1; of a delivery that an outage keeps waiting, the one that is to be made. */
  attempt: number;
  /** Null where no number ends it, but time does: a delivery's schedule (DEL-8). */
  max_attempts: number | null;
  error_class: ErrorClass;
  code: string;
  /** Until then nobody need speak: the next attempt is due, or the wait for a destination ends (ING-11). */
  next_due_at: string;
  /** From `notify` only. */
  summary: DeliverySummary | null;
  /** From `notify` only: until then nobody need speak of the job; absent where nothing waits (ING-11). */
  waits_until?: string;
}

/** DLQ-3: never a secret, a token, a full payload or personal data. */
export interface StageDeadLettered extends EventData {
  stage: Stage;
  subject_type: SubjectType;
  subject_id: string;
  error_class: ErrorClass;
  code: string;
  /** Redacted error chain, outermost first, at most 8 KiB. */
  last_stack: string;
  sanitized_context: Record<string, unknown>;
  first_failure_at: string;
  last_failure_at: string;
  /** Groups failures of one cause: incidents (DLQ-6). */
  fingerprint: string;
  /** From `notify` only: the parent's summary (DEL-15). */
  summary: DeliverySummary | null;
  /** From `notify` only: until then nobody need speak of the job; absent where nothing waits (ING-11). */
  waits_until?: string;
}

/** What was dead-lettered about something that belongs to no job is over: a credential, a destination (DLQ-3). */
export interface StageRecovered extends EventData {
  stage: Stage;
  subject_type: SubjectType;
  subject_id: string;
  /** Stable, lower snake case: `delivered`. */
  cause: string;
}

/**
 * Public: once for each end, deduplicated on `ce_id`. A generation has one end, unless that was `given_up`: late news may
 * end it anew, under a higher revision (ING-11). One that failed at stage `validate` is told again, too, when its key has
 * passed to another job (ING-3).
 */
export interface ReviewSettled extends JobEventData {
  state: JobState;
  counts: FindingCounts | null;
  /** By channel, then by state. */
  deliveries: Record<string, Partial<Record<DeliveryState, number>>>;
  /** Findings that recipients' thresholds withheld, summed over its deliveries; absent where none were (DEL-16). */
  withheld?: number;
  /** `failed` because nobody told of it: another word may follow. */
  given_up: boolean;
  /** Under which reading it was judged; absent, as the next, where no verdict was heard before the end (VAL-15). */
  reading?: string;
  /** The review is not whole: the answer was cut off (VAL-16). */
  truncated?: boolean;
  links: { job: string; findings: string };
  /** The job that was submitted under this one's key since, and stands in its place. */
  submitted_again_as?: string;
}

/** A job's caller wants nobody told any more (ING-13). Once for each generation. */
export interface ReviewCancelled extends JobEventData {
  /** Who asked: `key:<id>`. */
  actor: string;
  reason: string;
}

/** Public. */
export interface DeadLetterChanged extends EventData {
  dead_letter_id: string;
  subject_type: SubjectType;
  subject_id: string;
  stage: Stage;
  error_class: ErrorClass;
  state: DeadLetterState;
  cause: string;
}

/** Public: a checkpoint of the audit log, for whoever is to hold the log to it later (DLQ-11). */
export interface AuditCheckpointed extends EventData {
  /** What the log is called. */
  origin: string;
  /** Entries that it counts; the event's revision too. */
  size: number;
  /** The signed note, as it is. */
  checkpoint: string;
}

export interface EventDataByType {
  'review.submitted': ReviewSubmitted;
  'review.validated': ReviewValidated;
  'delivery.settled': DeliverySettled;
  'stage.delayed': StageDelayed;
  'stage.dead_lettered': StageDeadLettered;
  'stage.recovered': StageRecovered;
  'review.cancelled': ReviewCancelled;
  'review.settled': ReviewSettled;
  'dead_letter.changed': DeadLetterChanged;
  'replay.requested': ReplayRequested;
  'replay.accepted': ReplayAccepted;
  'replay.refused': ReplayRefused;
  'action.requested': ActionRequested;
  'action.answered': ActionAnswered;
  'audit.checkpointed': AuditCheckpointed;
}
export type EventType = keyof EventDataByType;

/** An event ready for the wire: data as bytes, so that what has not changed is never written anew. */
export interface OutgoingEvent {
  type: EventType;
  /** `subject:generation:revision:type`, the same on every publication ({@link eventId}). */
  id: string;
  /** The subject's id: a job's, a delivery's, a record's, a destination's. */
  subject: string;
  /** RFC 3339, equal to the data's `occurred_at`. */
  time: string;
  /** Kafka key: source and changelist ({@link eventKey}). */
  key: string;
  correlation_id: string;
  traceparent: string | null;
  data: Buffer;
  /** The data as a value, where it is at hand: spares the publisher's schema check a parse. */
  value?: EventData;
}

export interface ReceivedEvent<T extends EventData = EventData> {
  type: EventType;
  id: string;
  subject: string;
  time: string;
  key: string;
  correlation_id: string;
  traceparent: string | null;
  data: T;
  /** The data as it came. */
  bytes: Buffer;
  topic: string;
  partition: number;
  offset: string;
  /**
   * It stood in its partition when this process was given that: another may have had it in hand and crashed. False is a
   * promise, true a possibility (as AMQP's and JMS' `redelivered`).
   */
  possibly_redelivered: boolean;
}

/** The id that publishing again gives again (docs/spec.md, Terms): consumers deduplicate on it. */
export function eventId(subject: string, generation: number, revision: number, type: EventType): string {
  return `${subject}:${generation}:${revision}:${type}`;
}

/** Kafka key, scoped by source (GEN-8). The space cannot occur in a source or a changelist. */
export function eventKey(source: string, changelist_id: string | null): string {
  return changelist_id === null ? source : `${source} ${changelist_id}`;
}

/** Builds an outgoing event about a job from its data. */
export function jobEvent<T extends EventType>(
  type: T,
  data: EventDataByType[T],
  options: { subject?: string; traceparent: string | null; bytes?: Buffer },
): OutgoingEvent {
  const subject = options.subject ?? data.job_id ?? data.source;
  return {
    type,
    id: eventId(subject, data.generation, data.revision, type),
    subject,
    time: data.occurred_at,
    key: eventKey(data.source, data.changelist_id),
    correlation_id: data.correlation_id,
    traceparent: options.traceparent,
    data: options.bytes ?? Buffer.from(JSON.stringify(data)),
    value: data,
  };
}
