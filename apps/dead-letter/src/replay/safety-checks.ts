import { STAGES } from '@assay/contracts';
import type { ReplayAction, Stage } from '@assay/contracts';
import { mayMove } from '../letters/index.js';
import type { DeadLetter } from '../letters/index.js';

/** What is looked at before a dead letter is replayed (DLQ-8), in this order; the first that fails names the reason. */
export type CheckName =
  'subject' | 'state' | 'action' | 'start_stage' | 'recipient' | 'generations' | 'plan' | 'evidence';

export type ExclusionCode =
  /** A parked record, a credential or a destination: there is no job to begin again. */
  | 'subject_not_replayable'
  /** It is closed, or being replayed. */
  | 'state_not_replayable'
  /** Only a delivery can be corrected, sent again or waived. */
  | 'action_does_not_fit'
  /** It may have been sent: say `resend`, or `waive` it. */
  | 'outcome_unknown'
  | 'start_stage_does_not_fit'
  | 'corrected_recipient_missing'
  | 'generations_exhausted'
  | 'in_another_plan'
  | 'evidence_required';

export interface SafetyCheck {
  check: CheckName;
  passed: boolean;
  code: ExclusionCode | null;
}

/** What the checks judge. */
export interface Candidate {
  letter: Pick<
    DeadLetter,
    'state' | 'subject_type' | 'stage' | 'error_class' | 'job_id' | 'changelist_id' | 'review_version'
  >;
  action: ReplayAction;
  start_stage: string;
  has_corrected_recipient: boolean;
  /** Of its job, as far as is known here. */
  generation: number;
  max_generations: number;
  in_another_plan: boolean;
  has_evidence: boolean;
}

export function safetyChecks(candidate: Candidate): SafetyCheck[] {
  const { letter, action, generation, max_generations } = candidate;
  const results: [CheckName, boolean, ExclusionCode][] = [
    ['subject', hasJob(letter), 'subject_not_replayable'],
    ['state', mayMove(letter.state, 'replaying'), 'state_not_replayable'],
    ['action', fits(candidate), actionFault(candidate)],
    ['start_stage', startsWithin(candidate), 'start_stage_does_not_fit'],
    ['recipient', action !== 'correct_recipient' || candidate.has_corrected_recipient, 'corrected_recipient_missing'],
    // The replay would be generation + 1; what failed so often does not get better by being asked again (DLQ-9).
    ['generations', generation < max_generations, 'generations_exhausted'],
    ['plan', !candidate.in_another_plan, 'in_another_plan'],
    ['evidence', candidate.has_evidence, 'evidence_required'],
  ];
  return results.map(([check, passed, code]) => ({ check, passed, code: passed ? null : code }));
}

export function firstFault(checks: readonly SafetyCheck[]): ExclusionCode | null {
  return checks.find(({ passed }) => !passed)?.code ?? null;
}

function hasJob({ subject_type, job_id, changelist_id, review_version }: Candidate['letter']): boolean {
  const replayable = subject_type === 'job' || subject_type === 'delivery';
  return replayable && job_id !== null && changelist_id !== null && review_version !== null;
}

function fits({ letter, action }: Candidate): boolean {
  if (letter.error_class === 'OUTCOME_UNKNOWN') return action === 'resend' || action === 'waive';
  return action === 'replay' || letter.subject_type === 'delivery';
}

function actionFault({ letter }: Candidate): ExclusionCode {
  return letter.error_class === 'OUTCOME_UNKNOWN' ? 'outcome_unknown' : 'action_does_not_fit';
}

/** Never later than what failed; what is done about a delivery is done where deliveries are made. */
function startsWithin({ letter, action, start_stage }: Candidate): boolean {
  const [start, failed] = [start_stage, letter.stage].map((stage) => STAGES.indexOf(stage as Stage));
  if (start! < 0 || failed! < 0 || start! > failed!) return false;
  return action === 'replay' || start_stage === 'notify';
}
