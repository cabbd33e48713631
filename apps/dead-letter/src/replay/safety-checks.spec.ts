import { describe, expect, it } from '@jest/globals';
import { DEAD_LETTER_STATES } from '@assay/contracts';
import type { DeadLetterState } from '@assay/contracts';
import { firstFault, safetyChecks } from './safety-checks.js';
import type { Candidate } from './safety-checks.js';

type Differs = Partial<Omit<Candidate, 'letter'>> & { letter?: Partial<Candidate['letter']> };

function faultOf({ letter, ...differs }: Differs = {}): string | null {
  const checks = safetyChecks({
    letter: {
      ...{ state: 'triaged', subject_type: 'delivery', stage: 'notify', error_class: 'RECIPIENT_INVALID' },
      ...{ job_id: 'j', changelist_id: '1', review_version: 1 },
      ...letter,
    },
    ...{ action: 'replay', start_stage: 'notify', has_corrected_recipient: false, generation: 0, max_generations: 5 },
    ...{ in_another_plan: false, has_evidence: true },
    ...differs,
  });
  return firstFault(checks);
}

const JOB = { subject_type: 'job', stage: 'validate', error_class: 'SCHEMA_INVALID' };
const UNKNOWN = { error_class: 'OUTCOME_UNKNOWN' };

describe('the safety checks of a replay', () => {
  it('DLQ-8.g pass for a failed delivery with evidence, whatever is done about it', () => {
    expect(faultOf()).toBeNull();
    expect(faultOf({ action: 'resend' })).toBeNull();
    expect(faultOf({ action: 'waive' })).toBeNull();
    expect(faultOf({ action: 'correct_recipient', has_corrected_recipient: true })).toBeNull();
    expect(faultOf({ letter: JOB, start_stage: 'validate' })).toBeNull();
    expect(faultOf({ letter: JOB, start_stage: 'ingest' })).toBeNull();
    expect(faultOf({ start_stage: 'ingest' })).toBeNull();
  });

  it.each<[string, Differs]>([
    ['subject_not_replayable', { letter: { subject_type: 'record', job_id: null } }],
    ['subject_not_replayable', { letter: { subject_type: 'credential' } }],
    ['subject_not_replayable', { letter: { subject_type: 'destination', job_id: null } }],
    ['subject_not_replayable', { letter: { job_id: null } }],
    ['action_does_not_fit', { letter: JOB, start_stage: 'validate', action: 'waive' }],
    ['action_does_not_fit', { letter: JOB, action: 'correct_recipient', has_corrected_recipient: true }],
    ['outcome_unknown', { letter: UNKNOWN }],
    ['outcome_unknown', { letter: UNKNOWN, action: 'correct_recipient', has_corrected_recipient: true }],
    ['start_stage_does_not_fit', { letter: JOB, start_stage: 'notify' }],
    ['start_stage_does_not_fit', { action: 'resend', start_stage: 'validate' }],
    ['start_stage_does_not_fit', { letter: { stage: 'not_known_here' } }],
    ['corrected_recipient_missing', { action: 'correct_recipient' }],
    ['in_another_plan', { in_another_plan: true }],
    ['evidence_required', { has_evidence: false }],
  ])('DLQ-8.g refuse with %s: %j', (code, differs) => {
    expect(faultOf(differs)).toBe(code);
  });

  it('DLQ-8.g let what may have been sent be sent again or waived only', () => {
    expect(faultOf({ letter: UNKNOWN, action: 'resend' })).toBeNull();
    expect(faultOf({ letter: UNKNOWN, action: 'waive' })).toBeNull();
  });

  it('DLQ-9.d stop a job that has been replayed as often as may be', () => {
    expect(faultOf({ generation: 4 })).toBeNull();
    expect(faultOf({ generation: 5 })).toBe('generations_exhausted');
  });

  it('DLQ-5.a begin from the states that may become replaying', () => {
    const begins = DEAD_LETTER_STATES.filter((state: DeadLetterState) => faultOf({ letter: { state } }) === null);
    expect(begins).toEqual(['open', 'triaged', 'remediated', 'escalated']);
  });
});
