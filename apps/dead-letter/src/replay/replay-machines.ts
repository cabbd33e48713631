import { Problem } from '@assay/contracts';

export const PLAN_STATES = ['frozen', 'executing', 'paused', 'completed', 'cancelled'] as const;
export type PlanState = (typeof PLAN_STATES)[number];

/** Where a plan may go (GEN-1). What has been requested by then runs its course, whatever becomes of the plan. */
export const PLAN_MOVES: Readonly<Record<PlanState, readonly PlanState[]>> = {
  frozen: ['executing', 'cancelled'],
  executing: ['paused', 'completed', 'cancelled'],
  paused: ['executing', 'completed', 'cancelled'],
  completed: [],
  cancelled: [],
};

export const ITEM_STATES = [
  'pending',
  'excluded',
  'queued',
  'requested',
  'accepted',
  'resolved',
  'escalated',
  'reopened',
  'refused',
  'given_up',
  'skipped',
  'cancelled',
] as const;
export type ItemState = (typeof ITEM_STATES)[number];

/**
 * Where an item may go (GEN-1). News come in any order: an outcome may be known before that it was accepted. One that is
 * `given_up` is waited for no longer; what comes of it later shows in its dead letter alone, for its plan may be over.
 */
export const ITEM_MOVES: Readonly<Record<ItemState, readonly ItemState[]>> = {
  pending: ['queued', 'skipped', 'cancelled'],
  queued: ['requested', 'skipped', 'cancelled'],
  requested: ['accepted', 'refused', 'resolved', 'escalated', 'reopened', 'given_up'],
  accepted: ['resolved', 'escalated', 'reopened', 'given_up'],
  excluded: [],
  resolved: [],
  escalated: [],
  reopened: [],
  refused: [],
  given_up: [],
  skipped: [],
  cancelled: [],
};

/** Asked for, and not yet over. */
export const UNDER_WAY: readonly ItemState[] = ['requested', 'accepted'];
/** A plan that executes has work left as long as one of its items stands so. */
export const LIVE: readonly ItemState[] = ['queued', ...UNDER_WAY];

interface Moving<S extends string> {
  id: string;
  state: S;
  changes: number;
}

export interface Step<S extends string> {
  to: S;
  /** Stable, lower snake case. */
  cause: string;
  /** `key:<id>` or `service:dead-letter`. */
  actor: string;
  correlation_id: string;
}

/** One step of a plan or an item (GEN-1). */
export interface Moved<T, S extends string> extends Step<S> {
  subject: T;
  change: number;
  from: S | null;
}

/** Moves a plan or an item, in memory; throws 409 `illegal_transition` where its table does not allow it. */
export function advance<S extends string, T extends Moving<S>>(
  moves: Readonly<Record<S, readonly S[]>>,
  subject: T,
  step: Step<S>,
): Moved<T, S> {
  const from = subject.state;
  if (!moves[from].includes(step.to)) throw illegalMove(from, step.to, moves[from]);
  return moved(subject, from, step);
}

function illegalMove(state: string, to: string, allowed: readonly string[]): Problem {
  const detail = `It is ${state} and cannot become ${to}.`;
  return new Problem('illegal_transition', { detail, extensions: { state, allowed } });
}

/** The birth of a plan or an item, in the state that it has. */
export function begin<S extends string, T extends Moving<S>>(subject: T, step: Omit<Step<S>, 'to'>): Moved<T, S> {
  return moved(subject, null, { ...step, to: subject.state });
}

function moved<S extends string, T extends Moving<S>>(subject: T, from: S | null, step: Step<S>): Moved<T, S> {
  subject.state = step.to;
  subject.changes += 1;
  return { ...step, subject, change: subject.changes, from };
}
