import type { JobState } from '@assay/contracts';

/** What of a submission decides whether it becomes a job. */
export interface Candidate {
  source: string;
  idempotency_key: string;
  /** Hex of the body's digest. */
  body_digest: string;
  changelist_id: string;
  review_version: number;
  rerun: boolean;
  /** Changed files outside the allow-list, as they were written. */
  denied_paths: readonly string[];
}

/** The job that holds the candidate's idempotency key. */
export interface KeyHolder {
  job_id: string;
  body_digest: string;
  /** It failed at stage `validate`: another body may have its key (ING-3). */
  passes_key: boolean;
}

/** A job of the candidate's changelist that is neither failed nor superseded. */
export interface StandingJob {
  job_id: string;
  review_version: number;
  state: JobState;
}

export type Judgement =
  /** `key_of`: the failed job whose key passes to this one. */
  | { kind: 'accepted'; key_of: string | null }
  | { kind: 'denied'; denied_paths: readonly string[] }
  | {
      kind:
        | 'replayed'
        | 'key_reused'
        | 'already_succeeded'
        | 'review_in_progress'
        | 'rerun_required'
        | 'stale_review_version';
      job_id: string;
    };

/**
 * What becomes of a submission (ING-3, 4, 5, 7), in ING-3's order: known key, allow-list, stale or rerun, same version.
 * The highest standing version is the one to compare with: it is what upstream last meant.
 */
export function judge(
  candidate: Candidate,
  holder: KeyHolder | undefined,
  standing: readonly StandingJob[],
): Judgement {
  if (holder !== undefined && !mayPass(candidate, holder)) {
    const same = holder.body_digest === candidate.body_digest;
    return { kind: same ? 'replayed' : 'key_reused', job_id: holder.job_id };
  }
  const accepted = { kind: 'accepted' as const, key_of: holder?.job_id ?? null };
  if (candidate.denied_paths.length > 0) return { kind: 'denied', denied_paths: candidate.denied_paths };

  const newest = highest(standing);
  if (newest === undefined) return accepted;
  const { job_id, review_version, state } = newest;
  if (candidate.review_version < review_version) return { kind: 'stale_review_version', job_id };
  if (candidate.review_version > review_version) {
    return candidate.rerun ? accepted : { kind: 'rerun_required', job_id };
  }
  return { kind: state === 'succeeded' ? 'already_succeeded' : 'review_in_progress', job_id };
}

/** Whether the holder's key may pass to the candidate: the same body again is the same job, failed or not. */
export function mayPass(candidate: Candidate, { passes_key, body_digest }: KeyHolder): boolean {
  return passes_key && body_digest !== candidate.body_digest;
}

function highest(standing: readonly StandingJob[]): StandingJob | undefined {
  return standing.reduce<StandingJob | undefined>(
    (best, job) => (best === undefined || job.review_version > best.review_version ? job : best),
    undefined,
  );
}
