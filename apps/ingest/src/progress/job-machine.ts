import { TERMINAL_JOB_STATES } from '@assay/contracts';
import type { JobState } from '@assay/contracts';

/**
 * Where a job may go from where it is (ING-9, GEN-1). News of a later stage may overtake that of an earlier one
 * (GEN-9), which is why `queued` may end at once. Only a replay leaves `failed`, to `in_progress`; and late news of a job
 * that was given up for want of them, to wherever they say (ING-11).
 */
export const JOB_MOVES: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['in_progress', 'retryable_failed', 'succeeded', 'failed', 'superseded'],
  in_progress: ['retryable_failed', 'succeeded', 'failed', 'superseded'],
  retryable_failed: ['in_progress', 'succeeded', 'failed', 'superseded'],
  succeeded: [],
  failed: ['in_progress', 'retryable_failed', 'succeeded', 'superseded'],
  superseded: [],
};

export function isTerminal(state: JobState): boolean {
  return TERMINAL_JOB_STATES.includes(state);
}

/** Neither failed nor superseded: what ING-4's index and ING-5 count. */
export function stands(state: JobState): boolean {
  return state !== 'failed' && state !== 'superseded';
}

export function mayMove(from: JobState, to: JobState): boolean {
  return JOB_MOVES[from].includes(to);
}
