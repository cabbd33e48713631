import type { DeadLetterState } from '@assay/contracts';

/**
 * Where a dead letter may go from where it is (DLQ-5, GEN-1). A new failure reopens whatever was done about the last
 * one; what settles elsewhere resolves from anywhere but the two ends. `replaying` ends by what comes of the replay, and
 * to `open` where that is not waited for any longer: by a time-out, or by an operator's act.
 */
export const DEAD_LETTER_MOVES: Readonly<Record<DeadLetterState, readonly DeadLetterState[]>> = {
  open: ['triaged', 'remediated', 'replaying', 'resolved', 'escalated', 'discarded'],
  triaged: ['open', 'remediated', 'replaying', 'resolved', 'escalated', 'discarded'],
  remediated: ['open', 'replaying', 'resolved', 'escalated', 'discarded'],
  replaying: ['open', 'resolved', 'escalated'],
  escalated: ['open', 'triaged', 'remediated', 'replaying', 'resolved', 'discarded'],
  resolved: ['open'],
  discarded: ['open'],
};

export function mayMove(from: DeadLetterState, to: DeadLetterState): boolean {
  return DEAD_LETTER_MOVES[from].includes(to);
}

/** Nothing is left to be done about it. */
export function isClosed(state: DeadLetterState): boolean {
  return state === 'resolved' || state === 'discarded';
}
