import { Inject, Injectable } from '@nestjs/common';
import { jobEvent } from '@assay/contracts';
import type { OutgoingEvent } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import { ChangesService, LettersRepository, move, OWN_ACTOR } from '../letters/index.js';
import type { Announcement, DeadLetter, Transition } from '../letters/index.js';
import { CandidatesRepository } from './candidates.repository.js';
import type { CandidateRow } from './candidates.repository.js';
import { ReplayChangesService } from './replay-changes.service.js';
import type { ReplayMoves } from './replay-changes.service.js';
import { advance, ITEM_MOVES } from './replay-machines.js';
import type { ItemMove, ReplayItem, ReplayPlan } from './replay-plan.js';
import { REPLAY_CONFIG } from './replay.settings.js';
import type { ReplaySettings } from './replay.settings.js';
import { ReplayRepository } from './replay.repository.js';
import { firstFault, safetyChecks } from './safety-checks.js';

const REQUESTED_QUEUE = 'replay_requested';
const PRIORITY = 5;
/** The revision of a request: there is one for each item, ever. */
const REVISION = 1;
/** Requests are gathered for so long: a plan of 50 items a second makes 10 at a time. */
const GATHER_MS = 200;
/** How soon a plan looks again whose next items all wait for the job's replay before. */
const BLOCKED_MS = 500;

/** What one step of a plan has done; to be announced after the commit. */
export interface PlanStep {
  /** When to come again; null where nothing is left to ask for. */
  wait_ms: number | null;
  letters?: Announcement;
  moves?: ReplayMoves;
  publish?: () => void;
}

/** Asks ingest for the next items of a plan, within its rate (DLQ-8, DLQ-10). */
@Injectable()
export class ReplayRequestsService {
  constructor(
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(LettersRepository) private readonly letters: LettersRepository,
    @Inject(ChangesService) private readonly letterChanges: ChangesService,
    @Inject(CandidatesRepository) private readonly candidates: CandidatesRepository,
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
    @Inject(ReplayChangesService) private readonly changes: ReplayChangesService,
    @Inject(REPLAY_CONFIG) private readonly settings: ReplaySettings,
  ) {}

  /**
   * One step. Safe to run twice, and beside another: an item is asked for by moving from `queued` to `requested` under
   * the locks of its job, its dead letter and its plan, in one transaction with the event that asks.
   */
  async next(tx: Tx, plan_id: string, work_item_id: string, items_per_second: number): Promise<PlanStep> {
    const wait_ms = await this.replays.msUntilNext(tx, plan_id);
    if (wait_ms > 0) return { wait_ms };
    const limit = Math.max(1, Math.round((items_per_second * GATHER_MS) / 1_000));
    const next = await this.candidates.next(tx, plan_id, limit);
    // What is left waits for replays of its jobs that are under way.
    if (next.length === 0 && (await this.candidates.hasQueued(tx, plan_id))) return { wait_ms: BLOCKED_MS };
    await this.candidates.lockJobs(
      tx,
      next.map(({ job_id }) => job_id!),
    );
    const ids = next.map(({ dead_letter_id }) => dead_letter_id);
    const letters = await this.letters.lockMany(tx, ids);
    const plan = (await this.replays.lockPlans(tx, [plan_id])).get(plan_id);
    if (plan?.state !== 'executing' || plan.work_item_id !== work_item_id) return { wait_ms: null };
    const items = await this.#freeItems(tx, next);
    const facts = new Map((await this.candidates.byIds(tx, ids, null)).map((row) => [row.id, row]));
    const { transitions, moves, events } = await this.#ask(tx, plan, items, { letters, facts });
    return this.#store(tx, plan, { transitions, moves, events });
  }

  async #freeItems(tx: Tx, next: readonly { id: string }[]): Promise<ReplayItem[]> {
    const free = await this.candidates.free(
      tx,
      next.map(({ id }) => id),
    );
    return (await this.replays.items(tx, [...free])).sort((a, b) => a.position - b.position);
  }

  async #ask(
    tx: Tx,
    plan: ReplayPlan,
    items: readonly ReplayItem[],
    { letters, facts }: { letters: Map<string, DeadLetter>; facts: Map<string, CandidateRow> },
  ): Promise<{ transitions: Transition[]; moves: ItemMove[]; events: OutgoingEvent[] }> {
    const asked: { transitions: Transition[]; moves: ItemMove[]; events: OutgoingEvent[] } = {
      ...{ transitions: [], moves: [], events: [] },
    };
    const [{ now }] = (await tx.query<{ now: string }>('SELECT clock_timestamp() AS now')) as [{ now: string }];
    for (const item of items) {
      const letter = letters.get(item.dead_letter_id)!;
      const candidate = facts.get(item.dead_letter_id)!;
      const step = { actor: OWN_ACTOR, correlation_id: letter.correlation_id };
      const fault = this.#faultOf(item, candidate);
      if (fault !== null) {
        item.code = fault;
        asked.moves.push(advance(ITEM_MOVES, item, { ...step, to: 'skipped', cause: fault }));
        continue;
      }
      item.job_id = letter.job_id;
      item.requested_generation = candidate.job_generation;
      item.requested_at = now;
      item.error_class = letter.error_class;
      asked.moves.push(advance(ITEM_MOVES, item, { ...step, to: 'requested', cause: 'requested' }));
      const by = { actor: plan.executed_by ?? OWN_ACTOR, correlation_id: letter.correlation_id };
      asked.transitions.push(move(letter, { ...by, to: 'replaying', cause: 'replay_requested' }));
      asked.events.push(requestedEvent(plan, item, letter, now));
    }
    return asked;
  }

  /** What was true when the plan was frozen may have changed since. */
  #faultOf(item: ReplayItem, letter: CandidateRow): string | null {
    // A later job has taken the delivery over: the replay would begin another job than the one that is locked here.
    if (letter.job_id !== item.job_id) return 'job_changed';
    const { action, start_stage, corrected_recipient } = item;
    const checks = safetyChecks({
      ...{ letter, action, start_stage, generation: letter.job_generation, has_evidence: letter.has_evidence },
      ...{ has_corrected_recipient: corrected_recipient !== null, in_another_plan: false },
      max_generations: this.settings.replay_max_generations,
    });
    return firstFault(checks);
  }

  async #store(
    tx: Tx,
    plan: ReplayPlan,
    { transitions, moves, events }: { transitions: Transition[]; moves: ItemMove[]; events: OutgoingEvent[] },
  ): Promise<PlanStep> {
    const letters = await this.letterChanges.store(
      tx,
      transitions.map(({ letter }) => letter),
      transitions,
    );
    const publish = this.queue.tell(
      tx,
      events.map((event) => ({ item: publishItem(event), events: [event] })),
    );
    const stored = await this.changes.store(tx, [plan], { plans: [], items: moves });
    const [first] = events;
    if (first) await this.replays.pace(tx, plan.id, first.time, (events.length * 1_000) / plan.items_per_second);
    const left = await this.candidates.hasQueued(tx, plan.id);
    const wait_ms = moves.length === 0 ? BLOCKED_MS : await this.replays.msUntilNext(tx, plan.id);
    return {
      wait_ms: left ? wait_ms : null,
      ...{ letters, moves: stored, publish },
    };
  }
}

/** The id is made of the item's: asked again, it is the same request (DLQ-10). */
function requestedEvent(plan: ReplayPlan, item: ReplayItem, letter: DeadLetter, now: string): OutgoingEvent {
  const { job_id, source, changelist_id, review_version, correlation_id, traceparent } = letter;
  const about = { job_id: job_id!, source, changelist_id: changelist_id!, review_version: review_version! };
  const { action, start_stage, corrected_recipient } = item;
  return jobEvent(
    'replay.requested',
    {
      ...{ ...about, generation: item.requested_generation!, revision: REVISION, occurred_at: now, correlation_id },
      ...{ plan_id: plan.id, item_id: item.id, dead_letter_id: letter.id, action, start_stage },
      subject_type: letter.subject_type as 'job' | 'delivery',
      ...{ subject_id: letter.subject_id, corrected_recipient, reason: plan.reason },
      actor: plan.executed_by ?? OWN_ACTOR,
    },
    { subject: item.id, traceparent },
  );
}

function publishItem(event: OutgoingEvent) {
  const { subject: subject_id, correlation_id, traceparent } = event;
  const payload = encodeEvents([event]);
  const item = { queue: REQUESTED_QUEUE, subject_id, generation: 0, priority: PRIORITY, phase: 'publish' as const };
  return { ...item, payload, correlation_id, traceparent };
}
