import { Inject, Injectable } from '@nestjs/common';
import type { OutgoingEvent, ReceivedEvent, ReplayRequested } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';
import { submittedItem } from '../reviews/index.js';
import type { StandingRow } from '../reviews/index.js';
import { decideReplay, startsFromSubmission } from './replay-decision.js';
import type { ReplayDecision, Standing } from './replay-decision.js';
import { answerEvent, answerItem, BEGIN_REVISION } from './replay-events.js';
import { ReplayRepository } from './replay.repository.js';
import type { Beginning, LockedJob, NewDecision } from './replay.repository.js';

type Request = ReceivedEvent<ReplayRequested>;

/** A request as it was decided, with the job as it was then. */
interface Outcome {
  request: Request;
  decision: ReplayDecision;
  job: LockedJob | undefined;
  event: OutgoingEvent;
}

const log = createLog('ingest.replay', ['replay_accepted', 'replay_refused', 'replay_answered_again']);
const decisions = counter('assay_replays_total', 'Replays that were asked for, by what was decided');
/** A plan waits for it; the job's own priority is for the job's work. */
const PRIORITY_OF_ANSWER = 9;

/** Ingest alone decides whether a failed job begins again (ING-9), and does so once for each request (DLQ-10). */
@Injectable()
export class ReplayService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(ReplayRepository) private readonly repository: ReplayRepository,
  ) {}

  /** Decides a batch in one transaction, in the order in which it came: of two requests of one job the first wins. */
  async decide(events: readonly Request[]): Promise<void> {
    const batch = [...new Map(events.map((event) => [event.data.item_id, event])).values()];
    if (batch.length === 0) return;
    const { outcomes, repeated } = await this.database.transaction((tx) => this.#store(tx, batch));
    this.queue.notify();
    for (const { item_id } of repeated) log.info('replay_answered_again', { item_id });
    for (const outcome of outcomes) record(outcome);
  }

  async #store(tx: Tx, batch: readonly Request[]): Promise<{ outcomes: Outcome[]; repeated: ReplayRequested[] }> {
    const known = await this.repository.answers(
      tx,
      batch.map(({ data }) => data),
    );
    const repeated = batch.filter(({ data }) => known.get(data.item_id)!.answer !== null);
    const fresh = batch.filter(({ data }) => known.get(data.item_id)!.answer === null);
    const outcomes = await this.#decide(tx, fresh, known.get(batch[0]!.data.item_id)!.now);
    const stored = outcomes.map(newDecision);
    if (outcomes.length > 0) await this.repository.store(tx, stored, outcomes.flatMap(beginningOf));
    this.queue.insert(tx, [
      ...repeated.map((event) => answerItem(answered(event), known.get(event.data.item_id)!.answer!)),
      ...outcomes.flatMap((outcome, index) => itemsOf(outcome, stored[index]!.answer)),
    ]);
    return { outcomes, repeated: repeated.map(({ data }) => data) };
  }

  async #decide(tx: Tx, fresh: readonly Request[], now: string): Promise<Outcome[]> {
    if (fresh.length === 0) return [];
    const asked = fresh.map(({ data }) => data);
    const jobs = await this.repository.lockJobs(tx, [...new Set(asked.map(({ job_id }) => job_id))]);
    // A statement of its own, after every lock: it sees what the last holder of each has committed.
    const standing = byChangelist(await this.repository.standing(tx, asked));
    return fresh.map((request) => {
      const { data } = request;
      const job = jobs.get(data.job_id);
      const decision = decideReplay(data, job, standing.get(changelistOf(data)) ?? []);
      if (decision.accepted) {
        // What comes later in this batch is judged by what this one has begun.
        jobs.set(data.job_id, { ...job!, state: 'in_progress', generation: decision.generation });
        addTo(standing, changelistOf(data), { job_id: job!.id, review_version: job!.review_version });
      }
      const { correlation_id, traceparent } = job ?? request;
      const event = answerEvent(data, { decision, at: now, correlation_id, traceparent });
      return { request, decision, job, event };
    });
  }
}

function record({ request, decision, job }: Outcome): void {
  const { job_id, item_id, plan_id, start_stage, action } = request.data;
  if (decision.accepted) {
    decisions.add(1, { outcome: 'accepted' });
    const { generation } = decision;
    log.info('replay_accepted', { job_id, item_id, plan_id, source: job!.source, start_stage, action, generation });
  } else {
    decisions.add(1, { outcome: decision.code });
    log.warn('replay_refused', { job_id, item_id, plan_id, code: decision.code });
  }
}

function newDecision({ request: { data }, decision, event }: Outcome): NewDecision {
  const { item_id, plan_id, dead_letter_id, job_id, action, start_stage, actor } = data;
  return {
    ...{ item_id, plan_id, dead_letter_id, job_id, action, start_stage, actor, decided_at: event.time },
    generation: decision.accepted ? decision.generation : data.generation,
    refusal: decision.accepted ? null : decision.code,
    superseded_by: decision.accepted ? null : decision.superseded_by,
    answer: encodeEvents([event]),
  };
}

function beginningOf({ request: { data }, decision, job, event }: Outcome): Beginning[] {
  if (!decision.accepted) return [];
  return [
    {
      ...{ id: data.job_id, generation: decision.generation, event_id: event.id, occurred_at: event.time },
      ...{ from_state: job!.state, cause: `${data.action} by ${data.actor}`, revision: BEGIN_REVISION },
      validates_again: startsFromSubmission(data.start_stage),
    },
  ];
}

/** The answer; and where the job starts from its submission, that again: no other event makes the validator work. */
function itemsOf({ request, decision, job }: Outcome, answer: Buffer): NewItem[] {
  if (!decision.accepted) return [answerItem(answered(request), answer)];
  const begun = { ...job!, generation: decision.generation };
  const items = [answerItem(begun, answer)];
  return startsFromSubmission(request.data.start_stage) ? [...items, submittedItem(begun)] : items;
}

/** What an answer is published under where no job is at hand. */
function answered({ data, correlation_id, traceparent }: Request) {
  const { job_id: id, source, generation } = data;
  return { id, source, generation, priority: PRIORITY_OF_ANSWER, correlation_id, traceparent };
}

function byChangelist(rows: readonly StandingRow[]): Map<string, Standing[]> {
  const standing = new Map<string, Standing[]>();
  for (const row of rows) addTo(standing, changelistOf(row), row);
  return standing;
}

function addTo(standing: Map<string, Standing[]>, changelist: string, job: Standing): void {
  const jobs = standing.get(changelist) ?? [];
  standing.set(changelist, [...jobs, job]);
}

/** A space occurs in neither part. */
function changelistOf({ source, changelist_id }: { source: string; changelist_id: string }): string {
  return `${source} ${changelist_id}`;
}
