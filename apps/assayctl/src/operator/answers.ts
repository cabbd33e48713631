import type { AuditEntry } from '@assay/audit-log';

/** What this command reads of the API's answers; there is more in them, which `--json` shows. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface LetterSummary {
  id: string;
  state: string;
  stage: string;
  error_class: string;
  code: string;
  subject_type: string;
  subject_id: string;
  job_id: string | null;
  source: string;
  changelist_id: string | null;
  review_version: number | null;
  generation: number;
  occurrences: number;
  fingerprint: string;
  assignee: string | null;
  last_failure_at: string;
}

export interface Transition {
  occurred_at: string;
  from_state: string | null;
  to_state: string;
  cause: string;
  actor: string;
  note?: string | null;
}

export interface Letter extends LetterSummary {
  first_failure_at: string;
  last_stack: string;
  sanitized_context: Record<string, unknown>;
  transitions: Transition[];
}

export interface Incident {
  fingerprint: string;
  stage: string;
  error_class: string;
  code: string;
  open: number;
  sources: string[];
  last_failure_at: string;
}

export interface Evidence {
  evidence_id: string;
  type: string;
  facts: Record<string, string>;
  actor: string;
  attached_at: string;
}

export interface Plan {
  id: string;
  state: string;
  action: string;
  reason: string | null;
  items_per_second: number;
  sources: string[];
  created_by: string;
  created_at: string;
  progress: Record<string, number>;
}

export interface Item {
  dead_letter_id: string;
  source: string;
  subject_type: string;
  stage: string;
  error_class: string;
  start_stage: string;
  state: string;
  code: string | null;
  accepted_generation: number | null;
}

export interface DeliverySummary {
  id: string;
  state: string;
  source: string;
  changelist_id: string;
  review_version: number;
  job_id: string;
  generation: number;
  channel: string;
  address: string;
  destination: string;
  key: string;
  notification_id: string | null;
  notified_at: string | null;
  answer: { status: number; headers: Record<string, string>; text: string } | null;
  attempts: number;
  next_attempt_at: string | null;
  error_class: string | null;
  code: string | null;
}

export interface Delivery extends DeliverySummary {
  first_attempt_at: string | null;
  intent_at: string | null;
  maybe_sent_at: string | null;
  repeat: number;
  repeats: string | null;
  replaced_by: string | null;
  waived_for: string | null;
  transitions: { at: string; to_state: string; cause: string; actor: string; code: string | null }[];
}

export interface Action {
  action_id: string;
  action: string;
  subject_type: string;
  subject_id: string;
  state: string;
  code: string | null;
  deliveries: number | null;
  delivery_id: string | null;
  reason: string;
  actor: string;
  requested_at: string;
}

/** An entry of the audit log; null where the stored bytes are none. */
export interface AuditItem {
  index: number;
  entry: AuditEntry | null;
  leaf_hash: string;
}
export type AuditPage = Page<AuditItem>;

/** Entries as an export takes them. */
export interface StoredEntries {
  items: { index: number; entry: string; leaf_hash: string }[];
}

export interface CheckpointAnswer {
  checkpoint: string | null;
}
