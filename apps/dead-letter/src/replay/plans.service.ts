import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import { currentContext } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { actorOf, redact, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { invalid } from '@assay/service';
import { AuditTrail } from '../audit/index.js';
import { requestedId, requestHash } from '../idempotency.js';
import { CandidatesRepository } from './candidates.repository.js';
import type { CandidateRow } from './candidates.repository.js';
import { freeze, planFaults, refuseWhereVain } from './freeze.js';
import type { PlanRequest } from './plan-requests.js';
import { PlansViewRepository } from './plans-view.repository.js';
import type { PlanView } from './plans-view.repository.js';
import { ReplayChangesService } from './replay-changes.service.js';
import type { ReplayMoves } from './replay-changes.service.js';
import { begin } from './replay-machines.js';
import { REPLAY_CONFIG } from './replay.settings.js';
import type { ReplaySettings } from './replay.settings.js';
import { ReplayRepository } from './replay.repository.js';
import type { NewPlan } from './replay.repository.js';

/** The states of a filter that names none: what a replay may begin from. */
const REPLAYABLE = 'open,triaged,remediated,escalated';

/** Freezes plans (DLQ-8): which dead letters, what is to be done about each, and what speaks against it. */
@Injectable()
export class PlansService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(CandidatesRepository) private readonly candidates: CandidatesRepository,
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
    @Inject(ReplayChangesService) private readonly changes: ReplayChangesService,
    @Inject(PlansViewRepository) private readonly views: PlansViewRepository,
    @Inject(REPLAY_CONFIG) private readonly settings: ReplaySettings,
    @Inject(AuditTrail) private readonly trail: AuditTrail,
  ) {}

  /** `replayed`: the request came before, and its plan stands. */
  async create(
    request: PlanRequest,
    principal: Principal,
    header_key: string | undefined,
  ): Promise<{ view: PlanView; replayed: boolean }> {
    const faults = planFaults(request);
    if (faults.length > 0) throw invalid(faults);
    const plan = this.#planOf(request, principal, requestedId('replay-plan', principal, header_key));
    const moves = await this.database.transaction((tx) => this.#freeze(tx, plan, request, principal));
    if (moves) this.changes.report(moves);
    return { view: (await this.views.get(plan.id, principal))!, replayed: moves === null };
  }

  /** Null where the same request has frozen its plan before. */
  async #freeze(tx: Tx, plan: NewPlan, request: PlanRequest, principal: Principal): Promise<ReplayMoves | null> {
    if (await this.#isKnown(tx, plan)) return null;
    const candidates = await this.#candidatesOf(tx, request, sourcesOf(principal));
    const frozen = { id: plan.id, max_generations: this.settings.replay_max_generations };
    const items = freeze(candidates, request, frozen);
    refuseWhereVain(items, request);
    plan.sources = [...new Set(candidates.map(({ source }) => source))].sort();
    if (!(await this.replays.insertPlan(tx, plan))) {
      await this.#isKnown(tx, plan);
      return null;
    }
    await this.replays.insertItems(tx, items);
    const details = { action: plan.action, items: items.length, sources: plan.sources };
    const subject = { subject_type: 'replay_plan', subject_id: plan.id, source: null, reason: plan.reason, details };
    await this.trail.record(tx, { action: 'replay_plan.frozen', principal, ...subject });
    const step = { actor: plan.created_by, correlation_id: plan.correlation_id };
    return this.changes.store(tx, [], {
      plans: [begin(plan, { ...step, cause: 'frozen' })],
      items: items.map((item) => begin(item, { ...step, cause: item.code ?? 'frozen' })),
    });
  }

  async #isKnown(tx: Tx, { id, request_hash }: NewPlan): Promise<boolean> {
    const known = await this.replays.requestHash(tx, id);
    if (known && !known.equals(request_hash)) throw new Problem('idempotency_key_reused');
    return known !== undefined;
  }

  async #candidatesOf(tx: Tx, request: PlanRequest, sources: string[] | null): Promise<CandidateRow[]> {
    const { replay_plan_items: most } = this.settings;
    const { dead_letter_ids: ids, filter } = request;
    if (ids) {
      if (ids.length > most) throw tooLarge(most);
      const found = await this.candidates.byIds(tx, ids, sources);
      if (found.length < ids.length) throw unknownIds(ids, found);
      return found;
    }
    const found = await this.candidates.byFilter(tx, { state: REPLAYABLE, ...defined(filter!) }, sources, most + 1);
    if (found.length > most) throw tooLarge(most);
    return found;
  }

  #planOf(request: PlanRequest, principal: Principal, id: string): NewPlan {
    const { action, start_stage, corrected_recipient, reason, items_per_second, filter } = request;
    const { correlation_id, traceparent } = currentContext();
    return {
      ...{ id, state: 'frozen', action, start_stage: start_stage ?? null, sources: [] },
      ...{ corrected_recipient: corrected_recipient ?? null, filter: filter ? defined(filter) : null },
      reason: reason === undefined ? null : redact(reason),
      items_per_second: items_per_second ?? this.settings.replay_items_per_second,
      ...{ created_by: actorOf(principal), executed_by: null, work_item_id: null, changes: 0 },
      ...{ request_hash: requestHash(request), correlation_id, traceparent },
    };
  }
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>;
}

function tooLarge(most: number): Problem {
  return new Problem('plan_too_large', {
    detail: `A plan may hold ${most} dead letters; narrow the filter, or make several plans.`,
    extensions: { max_items: most },
  });
}

function unknownIds(ids: readonly string[], found: readonly CandidateRow[]): Problem {
  const known = new Set(found.map(({ id }) => id));
  const errors = [...ids.entries()]
    .filter(([, id]) => !known.has(id))
    .map(([index, id]) => ({ pointer: `/dead_letter_ids/${index}`, code: 'not_found', detail: `dead letter ${id}` }));
  return new Problem('not_found', { errors });
}
