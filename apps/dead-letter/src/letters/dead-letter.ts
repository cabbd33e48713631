import type { DeadLetterState } from '@assay/contracts';

/** What a dead letter is about; one row each (DLQ-3). Other services' words are kept as they came (OPS-5). */
export interface Subject {
  subject_type: string;
  subject_id: string;
  stage: string;
}

export function subjectKey({ subject_id, subject_type, stage }: Subject): string {
  return JSON.stringify([subject_id, subject_type, stage]);
}

/** How new a piece of news is within its subject (GEN-9). */
export interface Version {
  job_id: string | null;
  generation: number;
  revision: number;
  /** By the clock of the one database that the stage's service has (GEN-4). */
  occurred_at: string;
}

/**
 * Revisions count within one job: a delivery that a later job for the same version has adopted goes on under that job's
 * revisions, which say nothing about the first one's. Between two jobs the clock of their common database decides.
 */
export function isNewer(news: Version, than: Version): boolean {
  if (news.job_id !== than.job_id) return news.occurred_at > than.occurred_at;
  return news.generation !== than.generation ? news.generation > than.generation : news.revision > than.revision;
}

/** Oldest first, as well as can be told; what is judged in another order ends the same. */
export function byAge(a: Version, b: Version): number {
  if (a.occurred_at !== b.occurred_at) return a.occurred_at < b.occurred_at ? -1 : 1;
  return a.generation - b.generation || a.revision - b.revision;
}

/** What a failure tells, redacted (DLQ-3). */
export interface FailureFacts extends Version {
  error_class: string;
  code: string;
  last_stack: string;
  sanitized_context: Record<string, unknown>;
  fingerprint: string;
  first_failure_at: string;
  last_failure_at: string;
  correlation_id: string;
  traceparent: string | null;
}

export interface DeadLetter extends Subject, FailureFacts {
  id: string;
  source: string;
  changelist_id: string | null;
  review_version: number | null;
  occurrences: number;
  state: DeadLetterState;
  /** Transitions so far: the revision of `dead_letter.changed`. */
  changes: number;
  assignee: string | null;
}

/** One step of a dead letter along its machine (GEN-1). */
export interface Transition {
  letter: DeadLetter;
  /** From 1. */
  change: number;
  from_state: DeadLetterState | null;
  to_state: DeadLetterState;
  /** Stable, lower snake case: `failed`, `failed_again`, `superseded`, `triaged`, … */
  cause: string;
  /** `service:<name>` or `key:<id>`. */
  actor: string;
  note: string | null;
  correlation_id: string;
}

export const OWN_ACTOR = 'service:dead-letter';
