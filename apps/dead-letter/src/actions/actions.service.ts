import { Inject, Injectable } from '@nestjs/common';
import { jobEvent, Problem } from '@assay/contracts';
import type { ActionAnswered, ActionRequested, OutgoingEvent } from '@assay/contracts';
import { counter, createLog, currentContext } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { actorOf, redact, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { invalid } from '@assay/service';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import { AuditTrail } from '../audit/index.js';
import { requestedId, requestHash } from '../idempotency.js';
import { DEFAULT_LIMIT, decodeCursor, pageOf } from '../paging.js';
import type { Page, PageQuery } from '../paging.js';
import { requireUuid } from '../scope.js';
import { TriageService } from '../triage/index.js';
import { actionFaults, namedSubject } from './action-requests.js';
import type { ActionRequest, ActionSubject } from './action-requests.js';
import { ActionsRepository } from './actions.repository.js';
import type { ActionView, NewAction } from './actions.repository.js';

const log = createLog('dead-letter.actions', ['action_requested', 'action_answered']);
const answers = counter('assay_actions_answered_total', "Operators' acts on deliveries, by what came of them.");

const REQUESTED_QUEUE = 'action_requested';
const PRIORITY = 9;

/** Operators' acts on deliveries that have not failed: asked of their owner over Kafka, each once. */
@Injectable()
export class ActionsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(ActionsRepository) private readonly repository: ActionsRepository,
    @Inject(TriageService) private readonly letters: TriageService,
    @Inject(AuditTrail) private readonly trail: AuditTrail,
  ) {}

  /** `replayed`: the request came before, and its act stands. */
  async request(
    request: ActionRequest,
    principal: Principal,
    header_key: string | undefined,
  ): Promise<{ view: ActionView; replayed: boolean }> {
    const faults = actionFaults(request);
    if (faults.length > 0) throw invalid(faults);
    const subject = namedSubject(request) ?? (await this.#destinationOf(request.dead_letter_id!, principal));
    const action = newAction(request, subject, principal, requestedId('action', principal, header_key));
    const publish = await this.database.transaction((tx) => this.#store(tx, action, principal));
    publish?.();
    if (publish) {
      const { id: action_id, actor, action: asked, subject_type, subject_id } = action;
      log.info('action_requested', { action_id, action: asked, subject_type, subject_id, actor });
    }
    return { view: await this.get(action.id, principal), replayed: publish === null };
  }

  async get(id: string, principal: Principal): Promise<ActionView> {
    requireUuid(id);
    const action = await this.repository.get(id, sourcesOf(principal));
    if (!action) throw new Problem('not_found');
    return action;
  }

  async list(query: PageQuery, principal: Principal): Promise<Page<ActionView>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    return pageOf(await this.repository.list(sourcesOf(principal), decodeCursor(query.cursor), limit + 1), limit);
  }

  async answered(told: readonly ActionAnswered[]): Promise<void> {
    await this.repository.answer(told);
    for (const { action_id, action, outcome, code, deliveries } of told) {
      answers.add(1, { action, outcome: code ?? outcome });
      log.info('action_answered', { action_id, action, outcome, code, deliveries });
    }
  }

  /** A dead letter about a destination or a credential names what waits for it. */
  async #destinationOf(dead_letter_id: string, principal: Principal): Promise<ActionSubject> {
    const { subject_type, sanitized_context } = await this.letters.get(dead_letter_id, principal);
    const { destination } = sanitized_context;
    const waits = subject_type === 'destination' || subject_type === 'credential';
    if (waits && typeof destination === 'string') return { subject_type: 'destination', subject_id: destination };
    const detail = `is about a ${subject_type}, of which nothing waits: a replay plan is for what has failed`;
    throw invalid([{ pointer: '/dead_letter_id', code: 'action_does_not_fit', detail }]);
  }

  /** Null where the same request was stored before. */
  async #store(tx: Tx, action: NewAction, principal: Principal): Promise<(() => void) | null> {
    const requested_at = await this.repository.insert(tx, action);
    if (requested_at !== null) {
      const { subject_type, subject_id, reason, sources, as } = action;
      const details = { action_id: action.id, sources, ...(as !== null && { as }) };
      const subject = { subject_type, subject_id, source: null, reason, details };
      await this.trail.record(tx, { action: `delivery.${action.action}`, principal, ...subject });
      const event = requestedEvent(action, requested_at);
      return this.queue.tell(tx, [{ item: publishItem(event), events: [event] }]);
    }
    const known = await this.repository.requestHash(tx, action.id);
    if (!known?.equals(action.request_hash)) throw new Problem('idempotency_key_reused');
    return null;
  }
}

function newAction(request: ActionRequest, subject: ActionSubject, principal: Principal, id: string): NewAction {
  return {
    ...{ id, action: request.action, ...subject, dead_letter_id: request.dead_letter_id ?? null },
    as: request.action === 'send_again' ? (request.as ?? 'again') : null,
    ...{ sources: sourcesOf(principal), reason: redact(request.reason), actor: actorOf(principal) },
    ...{ request_hash: requestHash(request), correlation_id: currentContext().correlation_id },
  };
}

/** It is about no one job: what of others it may touch, `sources` says. */
function requestedEvent(asked: NewAction, occurred_at: string): OutgoingEvent {
  const { id: action_id, action, subject_type, subject_id, sources, reason, actor, correlation_id, as } = asked;
  const about = { job_id: null, source: '*', changelist_id: null, review_version: null, generation: 0, revision: 1 };
  const data: ActionRequested = {
    ...{ ...about, occurred_at, correlation_id, action_id, action, subject_type, subject_id, sources, reason, actor },
    ...(as !== null && { as }),
  };
  return jobEvent('action.requested', data, { subject: action_id, traceparent: currentContext().traceparent });
}

function publishItem(event: OutgoingEvent) {
  const { subject: subject_id, correlation_id, traceparent } = event;
  const item = { queue: REQUESTED_QUEUE, subject_id, generation: 0, priority: PRIORITY, phase: 'publish' as const };
  return { ...item, payload: encodeEvents([event]), correlation_id, traceparent };
}
