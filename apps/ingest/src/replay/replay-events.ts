import { jobEvent } from '@assay/contracts';
import type { OutgoingEvent, ReplayAccepted, ReplayRefused, ReplayRequested } from '@assay/contracts';
import type { NewItem } from '@assay/work-queue';
import { SUBMITTED_REVISION } from '../reviews/index.js';
import type { ReplayDecision } from './replay-decision.js';

/** The queue whose items publish what was decided of a replay. */
export const REPLAY_QUEUE = 'replay';

/** With a replay a generation begins, as the first one does with its submission. */
export const BEGIN_REVISION = SUBMITTED_REVISION;

export interface Decided {
  decision: ReplayDecision;
  /** By the database's clock. */
  at: string;
  correlation_id: string;
  traceparent: string | null;
}

/** What is answered to a request. The id is made of the item's, so that each request has one answer for ever. */
export function answerEvent(request: ReplayRequested, decided: Decided): OutgoingEvent {
  const { decision, at: occurred_at, correlation_id, traceparent } = decided;
  const told = { ...factsOf(request), revision: BEGIN_REVISION, occurred_at, correlation_id };
  const options = { subject: request.item_id, traceparent };
  if (!decision.accepted) {
    const { code, superseded_by, job_generation } = decision;
    const data: ReplayRefused = { ...told, generation: request.generation, code, superseded_by, job_generation };
    return jobEvent('replay.refused', data, options);
  }
  const { corrected_recipient, reason, actor } = request;
  const wanted = { corrected_recipient, reason, actor };
  const data: ReplayAccepted = {
    ...{ ...told, ...wanted, generation: decision.generation, previous_generation: request.generation },
  };
  return jobEvent('replay.accepted', data, options);
}

function factsOf(request: ReplayRequested) {
  const { job_id, source, changelist_id, review_version } = request;
  const { plan_id, item_id, dead_letter_id, action, start_stage, subject_type, subject_id } = request;
  return {
    ...{ job_id, source, changelist_id, review_version },
    ...{ plan_id, item_id, dead_letter_id, action, start_stage, subject_type, subject_id },
  };
}

/** Publishes an answer as it is stored: the same bytes under the same id, however often (GEN-2). */
export function answerItem(
  of: Pick<NewItem, 'generation' | 'priority' | 'correlation_id' | 'traceparent'> & { id: string; source: string },
  answer: Buffer,
): NewItem {
  const { id: subject_id, source, generation, priority, correlation_id, traceparent } = of;
  const queue = REPLAY_QUEUE;
  return {
    queue,
    source,
    subject_id,
    generation,
    priority,
    phase: 'publish',
    payload: answer,
    correlation_id,
    traceparent,
  };
}
