import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FindingCounts, JobState } from '@assay/contracts';

const example = join(import.meta.dirname, '..', '..', 'examples', 'payments-retry');
const readText = (name: string): string => readFileSync(join(example, name), 'utf8');

export interface Submission {
  idempotency_key: string;
  changelist_id: number | string;
  review_version: number;
  root: string;
  changed_files: string[];
  recipients: { channel: string; address: string }[];
  review_result: string;
}

let numbers = 1000;

/** A submission like the example's, under a changelist of its own; only differences need to be written. */
export function aSubmission(differences: Partial<Submission> = {}): Submission {
  const changelist_id = numbers++;
  return {
    ...(JSON.parse(readText('submission.json')) as Submission),
    changelist_id,
    idempotency_key: `key-${changelist_id}`,
    review_result: readText('review-result.json'),
    ...differences,
  };
}

/** What the tests read of `GET /v1/reviews/{id}`. */
export interface JobBody {
  job_id: string;
  source: string;
  state: JobState;
  outcome?: string;
  settled_at: string | null;
  correlation_id: string;
  counts: FindingCounts | null;
  deliveries: { by_channel: Record<string, Record<string, number>> };
  timeline: { at: string; service: string; event: string; attempt: number | null; cause: string }[];
}

export interface DeadLetterBody {
  items: {
    stage: string;
    state: string;
    error_class: string;
    job_id: string | null;
    source: string;
    subject_type: string;
    correlation_id?: string;
  }[];
}
