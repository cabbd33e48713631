import { STAGES } from '@assay/contracts';
import type {
  DeliverySettled,
  DeliveryState,
  ReceivedEvent,
  ReviewSettled,
  StageDeadLettered,
  StageRecovered,
} from '@assay/contracts';
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

/** The ends of deliveries, and the stages that a replayed job has passed. */
export function settlementsOf({ data }: ReceivedEvent<DeliverySettled>): SettlementNews[] {
  const news: SettlementNews[] = passedStages(data, ['ingest', 'validate']);
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
 * by it, and that has come long before: there is nothing to remember. It is of an earlier generation: revisions of two stages
 * do not compare.
 */
function passedStages(data: Version & { job_id: string }, passed: readonly string[]): SettlementNews[] {
  if (data.generation === 0) return [];
  return passed.map((stage) => ({
    ...{ subject_type: 'job', subject_id: data.job_id, stage },
    ...{ ...versionOf(data), revision: 0 },
    ...{ cause: stage === 'ingest' ? 'submitted' : 'validated', remember: false },
  }));
}

/** `integer` in Postgres. */
const LAST_REVISION = 2 ** 31 - 1;

/** The revision of a job's end where nothing came between: its submission or replay is the first. */
export const USUAL_END = { generation: 0, revision: 2 };

/**
 * A job that has ended after it was given up: what ingest dead-lettered of it, `NO_NEWS`, is over (ING-11). Ingest alone
 * can tell: news that came too late for the job are no news of it. The usual end follows no dead letter.
 */
export function lateEndOf({ data }: ReceivedEvent<ReviewSettled>): SettlementNews[] {
  if (data.submitted_again_as !== undefined) return [submittedAgain(data)];
  if (data.given_up || data.revision <= USUAL_END.revision) return [];
  const subject = { subject_type: 'job', subject_id: data.job_id, stage: 'ingest' };
  return [{ ...subject, ...versionOf(data), cause: 'news_arrived', remember: true }];
}

/** A credential or a destination works again. Its dead letter may still be on its way, and no settlement follows this. */
export function recoveryOf({ data }: ReceivedEvent<StageRecovered>): SettlementNews {
  const { stage, subject_type, subject_id, cause } = data;
  return {
    ...{ subject_type: cleanWord(subject_type), subject_id: cleanWord(subject_id), stage: cleanWord(stage) },
    ...versionOf(data),
    ...{ cause: cleanWord(cause), remember: true },
  };
}

/**
 * Another job has the key of one that failed at stage `validate` (ING-3). Ingest's revisions do not compare with the
 * validator's, which has said its last of this generation: this stands above whatever that was.
 */
function submittedAgain(data: ReviewSettled): SettlementNews {
  const subject = { subject_type: 'job', subject_id: data.job_id, stage: 'validate' };
  return { ...subject, ...versionOf(data), revision: LAST_REVISION, cause: 'submitted_again', remember: true };
}

function versionOf({ job_id, generation, revision, occurred_at }: Version): Version {
  return { job_id, generation, revision, occurred_at };
}
