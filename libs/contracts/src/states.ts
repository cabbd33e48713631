/** Closed vocabularies that more than one service speaks. Readers keep an unknown value as text (OPS-5). */
export const STAGES = ['ingest', 'validate', 'notify'] as const;
export type Stage = (typeof STAGES)[number];

export const JOB_STATES = ['queued', 'in_progress', 'retryable_failed', 'succeeded', 'failed', 'superseded'] as const;
export type JobState = (typeof JOB_STATES)[number];
/** States that end a generation; only a replay leaves `failed` (ING-9), or late news (ING-11). */
export const TERMINAL_JOB_STATES: readonly JobState[] = ['succeeded', 'failed', 'superseded'];

export const DELIVERY_STATES = [
  'pending',
  'sending',
  'sent',
  'retry_scheduled',
  'unknown',
  'failed_permanent',
  'superseded',
  'waived',
  'replaced',
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export const DEAD_LETTER_STATES = [
  'open',
  'triaged',
  'remediated',
  'replaying',
  'resolved',
  'escalated',
  'discarded',
] as const;
export type DeadLetterState = (typeof DEAD_LETTER_STATES)[number];

export const SUBJECT_TYPES = ['job', 'delivery', 'record', 'credential', 'destination'] as const;
export type SubjectType = (typeof SUBJECT_TYPES)[number];

export const CHANNELS = ['email', 'webhook', 'slack'] as const;
/** An installation's own providers serve channels of their own, which begin with `x-` (DEL-5). */
export type Channel = (typeof CHANNELS)[number] | `x-${string}`;
export const CHANNEL_PATTERN = new RegExp(`^(?:${CHANNELS.join('|')}|x-[a-z0-9](?:-?[a-z0-9]){0,30})$`);

export function isChannel(value: unknown): value is Channel {
  return typeof value === 'string' && CHANNEL_PATTERN.test(value);
}

/** `address` is a mail address for `email`, and the name of a configured endpoint for every other channel (DEL-6). */
export interface Recipient {
  channel: Channel;
  address: string;
}

/** What an operator asks of failed work (DLQ-8). */
export const REPLAY_ACTIONS = ['replay', 'correct_recipient', 'resend', 'waive'] as const;
export type ReplayAction = (typeof REPLAY_ACTIONS)[number];

/** What an operator asks of deliveries that have not failed; no job begins a new generation for it. */
export const OPERATOR_ACTIONS = ['send_now', 'send_again'] as const;
export type OperatorAction = (typeof OPERATOR_ACTIONS)[number];

/** What sending again is for the receiver: another message, or the one that it may drop as known (DEL-17). */
export const REPEAT_KINDS = ['again', 'the_same'] as const;
export type RepeatKind = (typeof REPEAT_KINDS)[number];

/** Why the owner does not do it. */
export const ACTION_REFUSALS = [
  /** No delivery, job or destination of that name, or none of a source that the key may act on. */
  'not_found',
  /** There is such a one, and nothing of it waits: it is under way, or over. */
  'nothing_waits',
  /** Only what was sent is sent again. */
  'not_sent',
  /** Others of its job are under way; once the job has ended, nothing that is sent again can change that. */
  'job_not_over',
  /** A newer version of the changelist is known (ING-6). */
  'superseded',
  /** A later release knows it. */
  'action_not_known',
] as const;
export type ActionRefusal = (typeof ACTION_REFUSALS)[number];

/** Why ingest does not replay (ING-9). */
export const REPLAY_REFUSALS = [
  /** Another job stands for the same version, or a newer version of the changelist does (ING-4, ING-6). */
  'superseded_by_job',
  /** The job is not `failed`: it runs, or has ended well meanwhile. */
  'job_not_failed',
  /** The job has been replayed since the dead letter was written. */
  'generation_moved',
  'job_not_found',
  /** The raw submission that the stage starts from is not kept any more. */
  'submission_not_kept',
  /** Another job has the key of this one, which the validator had rejected (ING-3). */
  'submitted_again',
] as const;
export type ReplayRefusal = (typeof REPLAY_REFUSALS)[number];
