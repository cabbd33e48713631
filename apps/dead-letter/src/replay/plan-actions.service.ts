import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import { currentContext } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { actorOf, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { AuditTrail } from '../audit/index.js';
import type { Act } from '../audit/index.js';
import { LettersRepository } from '../letters/index.js';
import { requireUuid } from '../scope.js';
import { CandidatesRepository } from './candidates.repository.js';
import { PlanRunner } from './plan-runner.js';
import { PlansViewRepository } from './plans-view.repository.js';
import type { PlanView } from './plans-view.repository.js';
import { ReplayChangesService } from './replay-changes.service.js';
import type { ReplayMoves } from './replay-changes.service.js';
import { advance, ITEM_MOVES, PLAN_MOVES } from './replay-machines.js';
import type { PlanState } from './replay-machines.js';
import type { ItemMove, ReplayPlan } from './replay-plan.js';
import { ReplayRepository } from './replay.repository.js';

export type PlanAction = 'execute' | 'pause' | 'resume' | 'cancel';

interface Beginning {
  from: readonly PlanState[];
  to: PlanState;
  cause: 'executed' | 'paused' | 'resumed' | 'cancelled';
}

/** From where an action may begin: `resume` is no way to execute, nor the other way round. */
const BEGINS: Record<PlanAction, Beginning> = {
  execute: { from: ['frozen'], to: 'executing', cause: 'executed' },
  pause: { from: ['executing'], to: 'paused', cause: 'paused' },
  resume: { from: ['paused'], to: 'executing', cause: 'resumed' },
  cancel: { from: ['frozen', 'executing', 'paused'], to: 'cancelled', cause: 'cancelled' },
};

/** What operators do with a frozen plan (DLQ-8). */
@Injectable()
export class PlanActionsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(LettersRepository) private readonly letters: LettersRepository,
    @Inject(CandidatesRepository) private readonly candidates: CandidatesRepository,
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
    @Inject(ReplayChangesService) private readonly changes: ReplayChangesService,
    @Inject(PlanRunner) private readonly runner: PlanRunner,
    @Inject(PlansViewRepository) private readonly views: PlansViewRepository,
    @Inject(AuditTrail) private readonly trail: AuditTrail,
  ) {}

  /** Two operators take turns at the plan's row: the second is refused with 409 where its move does not fit any more. */
  async act(action: PlanAction, id: string, principal: Principal): Promise<PlanView> {
    requireUuid(id);
    const moves = await this.database.transaction((tx) => this.#act(tx, action, id, principal));
    this.changes.report(moves);
    if (action === 'execute' || action === 'resume') this.runner.notify();
    return (await this.views.get(id, principal))!;
  }

  async #act(tx: Tx, action: PlanAction, id: string, principal: Principal): Promise<ReplayMoves> {
    const others = action === 'execute' ? await this.#lockLetters(tx, id) : new Set<string>();
    const plan = await this.replays.lockPlan(tx, id, sourcesOf(principal));
    if (!plan) throw new Problem('not_found');
    const { from, to, cause } = BEGINS[action];
    if (!from.includes(plan.state)) {
      throw new Problem('illegal_transition', {
        detail: `The plan is ${plan.state}: ${action} begins from ${from.join(' or ')}.`,
        extensions: { state: plan.state, allowed: PLAN_MOVES[plan.state] },
      });
    }
    const { correlation_id } = currentContext();
    const step = { actor: actorOf(principal), correlation_id };
    const moved = advance(PLAN_MOVES, plan, { ...step, to, cause });
    const items = await this.#itemMoves(tx, action, plan, others, step);
    if (to === 'executing') {
      plan.executed_by = step.actor;
      plan.work_item_id = await this.runner.queueFor(tx, plan);
    }
    const audited: Act['action'] = `replay_plan.${cause}`;
    const subject = { subject_type: 'replay_plan', subject_id: id, source: null, details: { sources: plan.sources } };
    await this.trail.record(tx, { action: audited, principal, ...subject });
    return this.changes.store(tx, [plan], { plans: [moved], items });
  }

  /**
   * Before the plan, as everybody does. Two plans that share a dead letter take turns here, and the second finds what
   * the first has made of it. Returns the dead letters that another plan has.
   */
  async #lockLetters(tx: Tx, plan_id: string): Promise<Set<string>> {
    const pending = await this.replays.itemsOf(tx, plan_id, 'pending');
    const ids = pending.map(({ dead_letter_id }) => dead_letter_id);
    await this.letters.lockMany(tx, ids);
    const candidates = await this.candidates.byIds(tx, ids, null);
    return new Set(candidates.filter(({ in_another_plan }) => in_another_plan).map(({ id }) => id));
  }

  async #itemMoves(
    tx: Tx,
    action: PlanAction,
    plan: ReplayPlan,
    others: ReadonlySet<string>,
    step: { actor: string; correlation_id: string },
  ): Promise<ItemMove[]> {
    if (action === 'execute') {
      const pending = await this.replays.itemsOf(tx, plan.id, 'pending');
      return pending.map((item) => {
        if (!others.has(item.dead_letter_id))
          return advance(ITEM_MOVES, item, { ...step, to: 'queued', cause: 'executed' });
        item.code = 'in_another_plan';
        return advance(ITEM_MOVES, item, { ...step, to: 'skipped', cause: 'in_another_plan' });
      });
    }
    if (action !== 'cancel') return [];
    const waiting = [
      ...(await this.replays.itemsOf(tx, plan.id, 'pending')),
      ...(await this.replays.itemsOf(tx, plan.id, 'queued')),
    ];
    return waiting.map((item) => advance(ITEM_MOVES, item, { ...step, to: 'cancelled', cause: 'cancelled' }));
  }
}
