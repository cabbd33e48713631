import { Inject, Injectable } from '@nestjs/common';
import { counter, createLog } from '@assay/observability';
import type { Tx } from '@assay/postgres';
import { OWN_ACTOR } from '../letters/index.js';
import { advance, LIVE, PLAN_MOVES } from './replay-machines.js';
import type { ItemMove, PlanMove, ReplayPlan } from './replay-plan.js';
import { ReplayRepository } from './replay.repository.js';

const log = createLog('dead-letter.replay', ['replay_plan_moved', 'replay_item_moved']);
const outcomes = counter('assay_replay_items_total', 'Items of replay plans by action and the state they ended in.');
const plan_moves = counter('assay_replay_plan_moves_total', 'Transitions of replay plans by action and new state.');

/** What moved, in the order in which it did. */
export interface ReplayMoves {
  plans: PlanMove[];
  items: ItemMove[];
}

export const NO_MOVES: ReplayMoves = { plans: [], items: [] };

/** The one way by which plans and items change: rows and histories, in the transaction of what caused it. */
@Injectable()
export class ReplayChangesService {
  constructor(@Inject(ReplayRepository) private readonly replays: ReplayRepository) {}

  /** Under the locks of the plans. Ends those plans that have nothing left. Call {@link report} after the commit. */
  async store(tx: Tx, plans: readonly ReplayPlan[], moves: ReplayMoves): Promise<ReplayMoves> {
    await this.replays.update(tx, [], distinct(moves.items));
    const ended = await this.#complete(tx, plans);
    const all = { plans: [...moves.plans, ...ended], items: moves.items };
    await this.replays.update(tx, changedPlans(plans, all), []);
    await this.replays.record(tx, all.plans, all.items);
    return all;
  }

  report({ plans, items }: ReplayMoves): void {
    for (const { subject, to, cause, actor, correlation_id } of plans) {
      plan_moves.add(1, { action: subject.action, state: to });
      log.info('replay_plan_moved', { correlation_id, plan_id: subject.id, state: to, cause, actor });
    }
    for (const { subject, to, cause, actor, correlation_id } of items) {
      if (to !== 'pending' && !LIVE.includes(to)) outcomes.add(1, { action: subject.action, outcome: to });
      const { id: item_id, plan_id, dead_letter_id, job_id, code } = subject;
      const about = { item_id, plan_id, dead_letter_id, job_id };
      log.info('replay_item_moved', { correlation_id, ...about, state: to, cause, actor, code });
    }
  }

  async #complete(tx: Tx, plans: readonly ReplayPlan[]): Promise<PlanMove[]> {
    const begun = plans.filter(({ state }) => state === 'executing' || state === 'paused');
    if (begun.length === 0) return [];
    const over = await this.replays.withoutLive(
      tx,
      begun.map(({ id }) => id),
    );
    return begun
      .filter(({ id }) => over.has(id))
      .map((plan) => {
        const { correlation_id } = plan;
        return advance(PLAN_MOVES, plan, { to: 'completed', cause: 'all_over', actor: OWN_ACTOR, correlation_id });
      });
  }
}

/** Those that moved, or an item of which did: either is a change of the plan (DLQ-5). */
function changedPlans(plans: readonly ReplayPlan[], moves: ReplayMoves): ReplayPlan[] {
  const ids = new Set(moves.items.map(({ subject }) => subject.plan_id));
  const others = plans.filter(({ id }) => ids.has(id));
  return [...new Set([...distinct(moves.plans), ...others])];
}

function distinct<T>(moves: readonly { subject: T }[]): T[] {
  return [...new Set(moves.map(({ subject }) => subject))];
}
