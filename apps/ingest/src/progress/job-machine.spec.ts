import { describe, expect, it } from '@jest/globals';
import { JOB_STATES } from '@assay/contracts';
import { isTerminal, JOB_MOVES, mayMove, stands } from './job-machine.js';

describe('the job machine', () => {
  it('lists every state, and no move leads from a state to itself', () => {
    expect(Object.keys(JOB_MOVES).toSorted()).toEqual([...JOB_STATES].toSorted());
    for (const state of JOB_STATES) expect(mayMove(state, state)).toBe(false);
  });

  it('ING-9.a goes from queued by way of in_progress and retryable_failed to an end, and never back to queued', () => {
    expect(mayMove('queued', 'in_progress')).toBe(true);
    expect(mayMove('in_progress', 'retryable_failed')).toBe(true);
    expect(mayMove('retryable_failed', 'in_progress')).toBe(true);
    for (const state of JOB_STATES) expect(mayMove(state, 'queued')).toBe(false);
  });

  it('ING-9.c ING-11.c leaves failed for whatever late news may say, succeeded and superseded for nothing', () => {
    expect(JOB_MOVES.failed).toEqual(['in_progress', 'retryable_failed', 'succeeded', 'superseded']);
    expect(JOB_STATES.filter((state) => isTerminal(state) && JOB_MOVES[state].length === 0)).toEqual([
      'succeeded',
      'superseded',
    ]);
  });

  it('counts a job as standing unless it failed or was superseded', () => {
    expect(JOB_STATES.filter((state) => !stands(state))).toEqual(['failed', 'superseded']);
  });
});
