import type { DeadLetterState, DeliveryState, DeliverySummary, JobState } from '@assay/contracts';
import type { Source } from '../../infra/local/secrets.js';
import type { ReceivedChat, ReceivedMail, ReceivedWebhook } from '../../infra/local/sink-types.js';
import type { OperatedPlan } from './operator.js';
import type { AcceptedSubmission } from './submit.js';

/** A job as `GET /v1/reviews` lists it. */
export interface ListedJob {
  job_id: string;
  source: string;
  changelist_id: string;
  state: JobState;
  generation: number;
  accepted_at: string;
  settled_at: string | null;
  deliveries: { open: number; by_channel: DeliverySummary['by_channel'] };
}

/** A dead letter as `GET /v1/dead-letters` lists it. */
export interface ListedDeadLetter {
  id: string;
  state: DeadLetterState;
  stage: string;
  error_class: string;
  code: string;
  subject_type: string;
  subject_id: string;
  job_id: string | null;
  source: string;
  fingerprint: string;
}

/** A record of `review.settled`. */
export interface SettledRecord {
  ce_id: string;
  job_id: string;
  source: string;
  generation: number;
  revision: number;
  state: JobState;
  given_up: boolean;
}

/** A record of `dead_letter.changed`. */
export interface ChangedRecord {
  ce_id: string;
  dead_letter_id: string;
  source: string;
}

/** What everybody outside can see once the day is over. Nothing here was read from a table of Assay's. */
export interface Evidence {
  accepted: readonly AcceptedSubmission[];
  /** By the source under whose key they were listed. */
  jobs: Record<Source, ListedJob[]>;
  dead_letters: ListedDeadLetter[];
  dead_letters_of: Record<Source, ListedDeadLetter[]>;
  settled: SettledRecord[];
  changed: ChangedRecord[];
  webhooks: ReceivedWebhook[];
  mails: ReceivedMail[];
  messages: ReceivedChat[];
  /** Under another source's key, answered with anything but 404: `key of demo: GET … 200`. */
  seen_by_others: string[];
  /** Two jobs for one key. */
  doubled: readonly string[];
  /** Answers to a submission that no fault explains. */
  refused: readonly string[];
  /** Of the operator who replayed what had been refused; null where nothing had been. */
  plan: OperatedPlan | null;
  /** Dead letters that poison must have led to. */
  poison_announced: number;
}

const FAILED: readonly DeliveryState[] = ['failed_permanent', 'unknown'];

/** A job as a whole, or a record of it that was parked: whatever its deliveries are, this is known. */
export function aboutTheJob(letters: readonly ListedDeadLetter[]): boolean {
  return letters.some(({ subject_type }) => subject_type !== 'delivery');
}

/** How many of a job's deliveries failed for good, or ended unknown, with none of `letters` about them (DLQ-4). */
export function failedUnderNone({ deliveries }: ListedJob, letters: readonly ListedDeadLetter[]): number {
  if (aboutTheJob(letters)) return 0;
  const channels = Object.values(deliveries.by_channel);
  const failed = channels.flatMap((states) => FAILED.map((state) => states?.[state] ?? 0)).reduce((a, b) => a + b, 0);
  return Math.max(0, failed - new Set(letters.map(({ subject_id }) => subject_id)).size);
}

export function groupBy<T, K extends string>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
