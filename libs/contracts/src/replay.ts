import type { JobEventData } from './events.js';
import type { Recipient, ReplayAction, ReplayRefusal, Stage, SubjectType } from './states.js';

/** What of a replay all three of its events say. The item is asked once per plan: owners deduplicate on it (DLQ-10). */
interface ReplayFacts {
  plan_id: string;
  item_id: string;
  dead_letter_id: string;
  action: ReplayAction;
  start_stage: Stage;
  /** Of the dead letter: a job's id, or a delivery's (the first of its chain where recipients were corrected). */
  subject_type: SubjectType;
  subject_id: string;
}

/**
 * Dead-letter asks, ingest decides. `generation` is the job's latest that the asking side knows of, not that of the
 * failure: a delivery that failed in generation 0 goes along as it is when another one of its job is replayed. A job
 * that has moved on meanwhile is not replayed.
 */
export interface ReplayRequested extends JobEventData, ReplayFacts {
  /** With `correct_recipient` only. */
  corrected_recipient: Recipient | null;
  /** Why; required with `waive`. */
  reason: string | null;
  /** Who executed the plan: `key:<id>`. */
  actor: string;
}

/** The job's new `generation` has begun. The notifier acts on it where it starts at `notify`. */
export interface ReplayAccepted extends ReplayRequested {
  previous_generation: number;
}

export interface ReplayRefused extends JobEventData, ReplayFacts {
  code: ReplayRefusal;
  /** With `superseded_by_job`. */
  superseded_by: string | null;
  /** With `generation_moved`: at which the job stands, for an answer that told of it may have been lost. */
  job_generation: number | null;
}
