import { Inject, Injectable } from '@nestjs/common';
import { Failure } from '@assay/contracts';
import type { OutgoingEvent } from '@assay/contracts';
import { createLog, runInContext } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { WorkQueue } from '@assay/work-queue';
import type { DeadUnit, EventsByItem, Outcome, Settle, Unit, Worker, WorkHandler, WorkItem } from '@assay/work-queue';
import { ChangesService, OWN_ACTOR } from '../letters/index.js';
import { ReplayChangesService } from './replay-changes.service.js';
import { advance, PLAN_MOVES } from './replay-machines.js';
import type { ReplayPlan } from './replay-plan.js';
import { ReplayRequestsService } from './replay-requests.service.js';
import { ReplayRepository } from './replay.repository.js';

const log = createLog('dead-letter.runner', ['plan_step_failed', 'plan_stopped']);

const PLAN_QUEUE = 'replay_plan';
const PRIORITY = 5;
const SLOTS = 8;
const RETRY_MS = 1_000;

interface Running {
  plan_id: string;
  items_per_second: number;
}

/**
 * Runs plans: one work item for each that executes, which asks for the next items and parks itself until the next are
 * due. The plan names its item; one that it does not name any more (paused, cancelled, resumed) has nothing to do.
 */
@Injectable()
export class PlanRunner implements WorkHandler<Running, null> {
  readonly queue = PLAN_QUEUE;
  readonly stage = 'ingest';
  readonly #worker: Worker<Running>;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly workQueue: WorkQueue,
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
    @Inject(ReplayRequestsService) private readonly requests: ReplayRequestsService,
    @Inject(ChangesService) private readonly letterChanges: ChangesService,
    @Inject(ReplayChangesService) private readonly changes: ReplayChangesService,
  ) {
    this.#worker = workQueue.worker(this, { slots: SLOTS, batch: SLOTS });
  }

  /** The work item of a plan that begins to execute; the plan has to name it. */
  async queueFor(tx: Tx, { id: subject_id, correlation_id, traceparent }: ReplayPlan): Promise<string> {
    const item = { queue: PLAN_QUEUE, subject_id, generation: 0, priority: PRIORITY, phase: 'work' as const };
    const [queued] = this.workQueue.insert(tx, [{ ...item, correlation_id, traceparent }]);
    return queued!.id;
  }

  /** After the commit of {@link queueFor}. */
  notify(): void {
    this.#worker.notify();
  }

  async load(items: readonly WorkItem[]): Promise<Map<string, Running>> {
    const rows = await this.database.query<Running & { work_item_id: string }>(
      `SELECT id AS plan_id, items_per_second, work_item_id FROM replay_plans
        WHERE work_item_id = ANY ($1) AND state = 'executing'`,
      [items.map(({ id }) => id)],
    );
    return new Map(rows.map(({ work_item_id, ...running }) => [work_item_id, running]));
  }

  async perform(units: readonly Unit<Running>[], settle: Settle<Running, null>): Promise<void> {
    await Promise.all(
      units.map(async (unit) => {
        const { correlation_id, traceparent } = unit.item;
        settle(unit, await runInContext({ correlation_id, traceparent }, () => this.#step(unit)));
      }),
    );
  }

  store(): Promise<EventsByItem> {
    return Promise.resolve(new Map());
  }

  delayed(): Promise<OutgoingEvent[]> {
    return Promise.resolve([]);
  }

  /** What no retry mends stops the plan; an operator resumes it, with a new item, when the cause is gone. */
  async deadLettered(tx: Tx, units: readonly DeadUnit<Running>[]): Promise<EventsByItem> {
    const plans = await this.replays.lockPlans(
      tx,
      units.map(({ unit }) => unit.item.subject_id),
    );
    const stopped = units.flatMap(({ unit, failure }) => {
      const plan = plans.get(unit.item.subject_id);
      if (plan?.state !== 'executing' || plan.work_item_id !== unit.item.id) return [];
      log.error('plan_stopped', { plan_id: plan.id, code: failure.code }, failure);
      const { correlation_id } = unit.item;
      return [advance(PLAN_MOVES, plan, { to: 'paused', cause: 'runner_failed', actor: OWN_ACTOR, correlation_id })];
    });
    this.changes.report(await this.changes.store(tx, [...plans.values()], { plans: stopped, items: [] }));
    return new Map();
  }

  /** Retries cost no attempt: a plan may run for days, and the attempts of its item are counted over all of them. */
  async #step({ item, body }: Unit<Running>): Promise<Outcome<null>> {
    if (item.lease.lost) return { kind: 'done', result: null };
    try {
      const { plan_id, items_per_second } = body;
      const step = await this.database.transaction((tx) => this.requests.next(tx, plan_id, item.id, items_per_second));
      if (step.letters) this.letterChanges.announce(step.letters);
      if (step.moves) this.changes.report(step.moves);
      step.publish?.();
      if (step.wait_ms === null) return { kind: 'done', result: null };
      return { kind: 'parked', due_in_ms: step.wait_ms, reason: 'next_items' };
    } catch (error) {
      const failure = Failure.from(error);
      if (!failure.retryable) return { kind: 'failed', failure };
      log.warn('plan_step_failed', { plan_id: body.plan_id, code: failure.code });
      return { kind: 'parked', due_in_ms: RETRY_MS, reason: failure.code };
    }
  }
}
