import type { JobState, ReplayRefusal, ReplayRefused } from '@assay/contracts';

/** What of a request is judged. */
export interface Asked {
  source: string;
  changelist_id: string;
  /** The generation whose failure is to be replayed. */
  generation: number;
  start_stage: string;
}

/** The job that is to be replayed, as it stands. */
export interface ReplayedJob {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  state: JobState;
  generation: number;
  /** Its raw submission is still there. */
  submission_kept: boolean;
  /** Its idempotency key has passed to another job (ING-3). */
  submitted_again: boolean;
}

/** A job of the same changelist that is neither failed nor superseded. */
export interface Standing {
  job_id: string;
  review_version: number;
}

export type ReplayDecision =
  | { accepted: true; generation: number }
  | ({ accepted: false } & Pick<ReplayRefused, 'code' | 'superseded_by' | 'job_generation'>);

/**
 * Whether a job begins a new generation (ING-9). What cannot be helped any more is told first: that another job has
 * taken its place says more to an operator than that this one has moved.
 */
export function decideReplay(
  asked: Asked,
  job: ReplayedJob | undefined,
  standing: readonly Standing[],
): ReplayDecision {
  // Another source's job, or another changelist's, is not there for this request (GEN-8).
  if (job === undefined || job.source !== asked.source || job.changelist_id !== asked.changelist_id) {
    return refused('job_not_found');
  }
  const successor = successorOf(job, standing);
  if (successor !== undefined) return { ...refused('superseded_by_job'), superseded_by: successor.job_id };
  if (job.submitted_again) return refused('submitted_again');
  if (job.generation !== asked.generation) return { ...refused('generation_moved'), job_generation: job.generation };
  if (job.state !== 'failed') return refused('job_not_failed');
  if (startsFromSubmission(asked.start_stage) && !job.submission_kept) return refused('submission_not_kept');
  return { accepted: true, generation: job.generation + 1 };
}

/** The stages that work on the raw submission; `notify` works on what the validator has kept. */
export function startsFromSubmission(start_stage: string): boolean {
  return start_stage !== 'notify';
}

/** The newest job that stands for the same version (ING-4's index) or for a newer one (ING-5, ING-6). */
function successorOf(job: ReplayedJob, standing: readonly Standing[]): Standing | undefined {
  return standing
    .filter(({ job_id, review_version }) => job_id !== job.id && review_version >= job.review_version)
    .toSorted((a, b) => b.review_version - a.review_version)[0];
}

function refused(code: ReplayRefusal) {
  return { accepted: false as const, code, superseded_by: null, job_generation: null };
}
