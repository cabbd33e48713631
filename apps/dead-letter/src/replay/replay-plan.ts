import type { Recipient, ReplayAction, Stage } from '@assay/contracts';
import type { ItemState, Moved, PlanState } from './replay-machines.js';
import type { SafetyCheck } from './safety-checks.js';

/** A plan as it is changed: its row, locked. */
export interface ReplayPlan {
  id: string;
  state: PlanState;
  action: ReplayAction;
  reason: string | null;
  items_per_second: number;
  sources: string[];
  created_by: string;
  executed_by: string | null;
  /** The work item that asks for its next items; an older one has nothing to do any more. */
  work_item_id: string | null;
  changes: number;
  correlation_id: string;
  traceparent: string | null;
}

/** One dead letter of a plan. */
export interface ReplayItem {
  id: string;
  plan_id: string;
  /** From 0. */
  position: number;
  dead_letter_id: string;
  job_id: string | null;
  /** Of its failure when it was frozen, then when it was asked for. */
  error_class: string;
  action: ReplayAction;
  start_stage: Stage;
  corrected_recipient: Recipient | null;
  checks: SafetyCheck[];
  state: ItemState;
  /** Why it was excluded, skipped, refused or given up; how it was resolved. */
  code: string | null;
  /** Of the job when it was asked for: ingest begins the one after it. */
  requested_generation: number | null;
  accepted_generation: number | null;
  /** The highest of its job that ingest has named since. */
  job_generation: number | null;
  /** Equal to the event's `occurred_at`: paces are measured from it. */
  requested_at: string | null;
  changes: number;
}

export type PlanMove = Moved<ReplayPlan, PlanState>;
export type ItemMove = Moved<ReplayItem, ItemState>;
