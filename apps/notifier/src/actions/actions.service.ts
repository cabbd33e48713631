import { Inject, Injectable } from '@nestjs/common';
import { jobEvent } from '@assay/contracts';
import type { ActionAnswered, ActionRefusal, ActionRequested, OutgoingEvent, ReceivedEvent } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import { DELIVER_QUEUE, DeliveryWorker } from '../delivery/index.js';
import { PROVIDERS } from '../providers/index.js';
import type { Providers } from '../providers/index.js';
import { ActionsRepository } from './actions.repository.js';
import type { AnsweredAction, TakenAction } from './actions.repository.js';
import { SendAgainService } from './send-again.service.js';
import type { WaitingDelivery } from './sql/waiting-deliveries.js';

const log = createLog('notifier.actions', ['action_done', 'action_refused', 'action_known']);
const actions = counter('assay_notifier_actions_total', "Operators' acts on deliveries, by what came of them");

/** Items of this queue only publish what came of an act. */
const ANSWER_QUEUE = 'action_answered';
const PRIORITY = 9;
/** So many become due in one transaction: each reads all that waits, and holds its locks for half a second. */
const BATCH = 5_000;

type Request = ReceivedEvent<ActionRequested>;

/** Does what operators ask of deliveries that wait (DEL-8) or were sent (DEL-17), once for each request however often it comes. */
@Injectable()
export class ActionsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(DeliveryWorker) private readonly deliveryWorker: DeliveryWorker,
    @Inject(ActionsRepository) private readonly repository: ActionsRepository,
    @Inject(SendAgainService) private readonly sendAgain: SendAgainService,
    @Inject(PROVIDERS) private readonly providers: Providers,
  ) {}

  async take(requests: readonly Request[]): Promise<void> {
    for (const request of requests) await this.#takeOne(request);
  }

  async #takeOne(request: Request): Promise<void> {
    const { data } = request;
    const known = await this.repository.take(data);
    if (known.outcome === null && data.action === 'send_now') await this.#sendNow(data);
    const answered = await this.#answer(request, known);
    this.queue.notify();
    if (known.outcome === null) tell(data, answered);
    else log.info('action_known', { action_id: data.action_id });
  }

  /** Circuits first: what becomes due may be claimed at once. */
  async #sendNow(request: ActionRequested): Promise<void> {
    const waiting = this.#behind(request, await this.repository.waiting(request));
    for (const destination of this.#destinationsOf(waiting)) this.deliveryWorker.probeNow(destination);
    for (let from = 0; from < waiting.length; from += BATCH) {
      const ids = waiting.slice(from, from + BATCH).map(({ id }) => id);
      await this.database.transaction(async (tx) => {
        await this.repository.did(tx, request.action_id, await this.queue.makeDue(tx, DELIVER_QUEUE, ids));
      });
      this.deliveryWorker.worker.notify();
    }
  }

  /** Several services may tell mail, each its own domains: which of them a row goes to, its address says. */
  #behind(
    { subject_type, subject_id }: ActionRequested,
    waiting: readonly WaitingDelivery[],
  ): readonly WaitingDelivery[] {
    if (subject_type !== 'destination') return waiting;
    return waiting.filter((row) => (this.#destinationOf(row) ?? subject_id) === subject_id);
  }

  #destinationsOf(waiting: readonly WaitingDelivery[]): Set<string> {
    return new Set(waiting.flatMap((row) => this.#destinationOf(row) ?? []));
  }

  /** Null of an endpoint that is configured no more. */
  #destinationOf(row: WaitingDelivery): string | null {
    return this.providers.of(row)?.destinationOf(row.address)?.name ?? null;
  }

  /** What sends again is done with its answer, in one transaction. Returns why nothing was done, where that is so. */
  async #whyNot(tx: Tx, request: ActionRequested, known: TakenAction): Promise<ActionRefusal | null> {
    if (known.outcome !== null) return known.code;
    if (request.action === 'send_now')
      return (await this.repository.knows(tx, request)) ? 'nothing_waits' : 'not_found';
    if (request.action !== 'send_again') return 'action_not_known';
    const stored = await this.sendAgain.store(tx, request);
    if ('why_not' in stored) return stored.why_not;
    await this.repository.didRepeat(tx, request.action_id, stored.delivery_id);
    return null;
  }

  async #answer({ data, traceparent }: Request, known: TakenAction): Promise<AnsweredAction> {
    return this.database.transaction(async (tx) => {
      const why_not = await this.#whyNot(tx, data, known);
      const answered = await this.repository.answer(tx, data.action_id, why_not);
      const payload = encodeEvents([answeredEvent(data, traceparent, answered)]);
      const about = { queue: ANSWER_QUEUE, subject_id: data.action_id, generation: 0, priority: PRIORITY };
      const { correlation_id } = data;
      this.queue.insert(tx, [{ ...about, phase: 'publish', payload, correlation_id, traceparent }]);
      return answered;
    });
  }
}

function tell(request: ActionRequested, { outcome, code, deliveries }: AnsweredAction): void {
  const { action_id, action, subject_type, subject_id, actor } = request;
  actions.add(1, { action, outcome: code ?? 'done' });
  const facts = { action_id, action, subject_type, subject_id, actor, deliveries };
  if (outcome === 'done') log.info('action_done', facts);
  else log.info('action_refused', { ...facts, code });
}

function answeredEvent(
  request: ActionRequested,
  traceparent: string | null,
  { outcome, code, deliveries, delivery_id, answered_at }: AnsweredAction,
): OutgoingEvent {
  const { job_id, source, changelist_id, review_version, generation, revision, correlation_id } = request;
  const { action_id, action } = request;
  const data: ActionAnswered = {
    ...{ job_id, source, changelist_id, review_version, generation, revision, correlation_id },
    ...{ occurred_at: answered_at, action_id, action, outcome, code, deliveries, delivery_id },
  };
  return jobEvent('action.answered', data, { subject: action_id, traceparent });
}
