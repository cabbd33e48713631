import { Problem } from '@assay/contracts';
import type { DeadLetterState } from '@assay/contracts';
import { DEAD_LETTER_MOVES, mayMove } from './dead-letter-machine.js';
import type { DeadLetter, Transition } from './dead-letter.js';

export interface Step {
  to: DeadLetterState;
  cause: string;
  actor: string;
  note?: string | null;
  correlation_id: string;
}

/** Moves a dead letter, in memory; throws 409 `illegal_transition` where its machine does not allow it (GEN-1). */
export function move(letter: DeadLetter, step: Step): Transition {
  if (!mayMove(letter.state, step.to)) {
    throw illegalMove(letter.state, `The dead letter is ${letter.state} and cannot become ${step.to}.`);
  }
  return advance(letter, letter.state, step);
}

export function illegalMove(state: DeadLetterState, detail: string): Problem {
  return new Problem('illegal_transition', { detail, extensions: { state, allowed: DEAD_LETTER_MOVES[state] } });
}

/** The birth of a dead letter: its first transition. */
export function born(letter: DeadLetter, step: Omit<Step, 'to'>): Transition {
  return advance(letter, null, { ...step, to: letter.state });
}

function advance(letter: DeadLetter, from_state: DeadLetterState | null, step: Step): Transition {
  letter.state = step.to;
  letter.changes += 1;
  return {
    letter,
    change: letter.changes,
    from_state,
    to_state: step.to,
    cause: step.cause,
    actor: step.actor,
    note: step.note ?? null,
    correlation_id: step.correlation_id,
  };
}
