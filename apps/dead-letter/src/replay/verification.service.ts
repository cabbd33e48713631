import { Inject, Injectable } from '@nestjs/common';
import { STAGES } from '@assay/contracts';
import type { DeadLetterState, Stage } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import { move, OWN_ACTOR } from '../letters/index.js';
import type { DeadLetter, Subject, Transition } from '../letters/index.js';
import { NO_MOVES, ReplayChangesService } from './replay-changes.service.js';
import type { ReplayMoves } from './replay-changes.service.js';
import { advance, ITEM_MOVES } from './replay-machines.js';
import type { ItemState } from './replay-machines.js';
import type { ReplayItem } from './replay-plan.js';
import { ReplayRepository } from './replay.repository.js';

/** The replay that a dead letter in state `replaying` is under. */
export type ReplayUnderWay = Pick<ReplayItem, 'id' | 'requested_generation' | 'error_class'>;

/** A failure of a job at an earlier stage than its dead letters that are being replayed. */
export interface EarlierFailure {
  subject_type: string;
  stage: string;
  job_id: string | null;
  generation: number;
  correlation_id: string;
}

const OUTCOMES: Partial<Record<DeadLetterState, ItemState>> = {
  resolved: 'resolved',
  escalated: 'escalated',
  open: 'reopened',
};

/** Causes that open a dead letter again before anything has come of its replay. */
const WITHOUT_OUTCOME: Readonly<Record<string, ItemState>> = {
  replay_refused: 'refused',
  replay_timed_out: 'given_up',
  replay_ended: 'given_up',
};

/**
 * What came of replays (DLQ-9): a dead letter that leaves `replaying` takes its item along. Under the lock of the dead
 * letter, which nobody asks for a replay of without; plans are locked after it.
 */
@Injectable()
export class VerificationService {
  constructor(
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
    @Inject(ReplayChangesService) private readonly changes: ReplayChangesService,
  ) {}

  /** By dead letter, of those among these (locked) that are being replayed. */
  async underWay(tx: Tx, letters: Iterable<DeadLetter>): Promise<Map<string, ReplayUnderWay>> {
    const ids = [...letters].filter(({ state }) => state === 'replaying').map(({ id }) => id);
    if (ids.length === 0) return new Map();
    return new Map((await this.replays.underWay(tx, ids)).map((item) => [item.dead_letter_id, item]));
  }

  /** The dead letters of later stages whose replay these failures may have ended. Takes no lock. */
  async awaiting(tx: Tx, failures: readonly EarlierFailure[]): Promise<Subject[]> {
    const jobs = failures.filter(({ subject_type, generation }) => subject_type === 'job' && generation > 0);
    if (jobs.length === 0) return [];
    return this.replays.subjectsUnderWay(
      tx,
      jobs.flatMap(({ job_id }) => job_id ?? []),
    );
  }

  /**
   * The items of the dead letters that these transitions took out of `replaying`. `generations`: of their jobs as the news
   * tell of them, by dead letter.
   */
  async follow(
    tx: Tx,
    transitions: readonly Transition[],
    generations: ReadonlyMap<string, number>,
  ): Promise<ReplayMoves> {
    const ends = new Map(
      transitions.filter(({ from_state }) => from_state === 'replaying').map((step) => [step.letter.id, step]),
    );
    if (ends.size === 0) return NO_MOVES;
    const found = await this.replays.underWay(tx, [...ends.keys()]);
    const plans = await this.replays.lockPlans(tx, [...new Set(found.map(({ plan_id }) => plan_id))]);
    const items = await this.replays.underWay(tx, [...ends.keys()]);
    const moves = items.map((item) => {
      const { to_state, cause, correlation_id, note, actor } = ends.get(item.dead_letter_id)!;
      item.code = cause === 'replay_refused' ? note : cause;
      const generation = generations.get(item.dead_letter_id) ?? 0;
      const without_outcome = WITHOUT_OUTCOME[cause];
      if (without_outcome === undefined && generation > item.requested_generation!) {
        item.accepted_generation ??= generation;
      }
      item.job_generation = Math.max(generation, item.job_generation ?? 0);
      const to = without_outcome ?? OUTCOMES[to_state]!;
      return advance(ITEM_MOVES, item, { to, cause, actor, correlation_id });
    });
    return this.changes.store(tx, [...plans.values()], { plans: [], items: moves });
  }

  report(moves: ReplayMoves): void {
    this.changes.report(moves);
  }
}

/** A replay that fails before it comes to what had failed: the dead letter stands open again, as it was. */
export function failEarlier(
  letter: DeadLetter,
  failure: EarlierFailure,
  replay: ReplayUnderWay | undefined,
): Transition[] {
  if (letter.state !== 'replaying' || replay === undefined || letter.job_id !== failure.job_id) return [];
  const earlier = STAGES.indexOf(failure.stage as Stage) < STAGES.indexOf(letter.stage as Stage);
  if (failure.subject_type !== 'job' || !earlier || failure.generation <= replay.requested_generation!) return [];
  const { correlation_id } = failure;
  return [move(letter, { to: 'open', cause: 'failed_earlier', actor: OWN_ACTOR, note: failure.stage, correlation_id })];
}
