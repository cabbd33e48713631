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
  generation: number;
  revision: number;
}

export function isNewer(news: Version, than: Version): boolean {
  return news.generation !== than.generation ? news.generation > than.generation : news.revision > than.revision;
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
  job_id: string | null;
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
