import { STAGES } from '@assay/contracts';
import type { DeliverySettled, DeliveryState, ReceivedEvent, StageDeadLettered } from '@assay/contracts';
import type { FailureFacts, Subject, Version } from '../letters/index.js';
import { cleanContext, cleanText, cleanWord } from './sanitize.js';

/** A failure that no automatic retry will mend. */
export interface FailureNews extends Subject, FailureFacts {
  source: string;
  changelist_id: string | null;
  review_version: number | null;
}

/** Something ended well: what is dead-lettered about it, older than this, is over. */
export interface SettlementNews extends Subject, Version {
  cause: string;
  /** Set: only a dead letter of this class is over, whatever its revision. */
  only_class?: string;
  /** Whether its dead letter may still be on its way, so that this must be remembered (GEN-9). */
  remember: boolean;
}

export function failureOf({ data, traceparent, correlation_id }: ReceivedEvent<StageDeadLettered>): FailureNews {
  return {
    subject_type: cleanWord(data.subject_type),
    subject_id: cleanWord(data.subject_id),
    stage: cleanWord(data.stage),
    job_id: data.job_id,
    source: cleanWord(data.source),
    changelist_id: data.changelist_id === null ? null : cleanWord(data.changelist_id),
    review_version: data.review_version,
    generation: data.generation,
    revision: data.revision,
    occurred_at: data.occurred_at,
    error_class: cleanWord(data.error_class),
    code: cleanWord(data.code),
    last_stack: cleanText(data.last_stack),
    sanitized_context: cleanContext(data.sanitized_context),
    fingerprint: cleanWord(data.fingerprint),
    first_failure_at: data.first_failure_at,
    last_failure_at: data.last_failure_at,
    correlation_id: cleanWord(correlation_id),
    traceparent,
  };
}

/** Ends of a delivery after which nobody need do anything about it (ING-9). One that was replaced ends with its successor. */
const SETTLED: Partial<Record<DeliveryState, string>> = {
  sent: 'delivered',
  waived: 'waived',
  superseded: 'superseded',
};

/** A delivery's end, and a sign of life of its job. */
export function settlementsOf({ data }: ReceivedEvent<DeliverySettled>): SettlementNews[] {
  const news: SettlementNews[] = [signOfLife(data), ...passedStages(data, ['ingest', 'validate'])];
  for (const { delivery_id, original_id, state, had_dead_letter } of data.deliveries) {
    const cause = SETTLED[state];
    if (cause === undefined) continue;
    // The usual way (sent, first generation) never had a dead letter: it leaves nothing behind here.
    const remember = state !== 'sent' || data.generation > 0 || had_dead_letter === true;
    // Where the recipient was corrected, the dead letter is about the first of the chain (DEL-10).
    const subject = { subject_type: 'delivery', subject_id: original_id ?? delivery_id, stage: 'notify' };
    news.push({ ...subject, ...versionOf(data), cause, remember });
  }
  return news;
}

/** What the failure of a replayed job says of the stages before the one that failed. */
export function stagesPassedBefore({ data }: ReceivedEvent<StageDeadLettered>): SettlementNews[] {
  const { job_id, stage } = data;
  return job_id === null ? [] : passedStages({ ...data, job_id }, STAGES.slice(0, Math.max(0, STAGES.indexOf(stage))));
}

/**
 * A replayed job that has come to a stage has passed those before it. Only a dead letter that was replayed can be ended
 * by it, and that has come long before: there is nothing to remember.
 */
function passedStages(data: Version & { job_id: string }, passed: readonly string[]): SettlementNews[] {
  if (data.generation === 0) return [];
  return passed.map((stage) => ({
    ...{ subject_type: 'job', subject_id: data.job_id, stage },
    ...versionOf(data),
    ...{ cause: stage === 'ingest' ? 'submitted' : 'validated', remember: false },
  }));
}

/** Ends a dead letter that says no more than that nobody had heard of the job (ING-11). */
function signOfLife(data: Version & { job_id: string }): SettlementNews {
  return {
    ...{ subject_type: 'job', subject_id: data.job_id, stage: 'ingest' },
    ...versionOf(data),
    ...{ cause: 'news_arrived', only_class: 'NO_NEWS', remember: false },
  };
}

function versionOf({ job_id, generation, revision, occurred_at }: Version & { job_id: string }) {
  return { job_id, generation, revision, occurred_at };
}
