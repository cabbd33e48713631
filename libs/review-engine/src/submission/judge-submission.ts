import { denySubmission, validateReview } from '../engine/validate-review.js';
import { prepareChangedFiles, type AllowList } from '../paths/index.js';
import type { Policy } from '../policy.js';
import type { Verdict } from '../verdict.js';
import type { JudgedSubmission } from './read-submission.js';

export interface JudgementRules {
  policy: Policy;
  /** Null: nobody asks which depots are allowed (a dry run at a desk). */
  allow_list: AllowList | null;
  /** The submission's source, for preview versions (VER-8). */
  source?: string | null;
}

export interface Judgement {
  verdict: Verdict;
  /** Changed files that the allow-list denies, as they came. */
  denied: string[];
}

/**
 * What becomes of a submission, for the pipeline, the dry run and the command line alike (VAL-13): the allow-list again
 * (VAL-7), then the engine.
 */
export function judgeSubmission(submission: JudgedSubmission, rules: JudgementRules): Judgement {
  const denied = rules.allow_list?.denied(submission) ?? [];
  if (denied.length > 0) return { verdict: denySubmission(denied, rules.policy), denied };
  const { review_result } = submission;
  const input = typeof review_result === 'string' ? { raw: review_result } : { document: review_result };
  return {
    verdict: validateReview(input, prepareChangedFiles(submission), rules.policy, rules.source ?? null),
    denied,
  };
}

/** A verdict as a dry run answers with it: the document of `POST /v1/validations` and `assayctl validate --json`. */
export type VerdictDocument = Omit<Verdict, 'unchanged'>;

export function verdictDocument(verdict: Verdict): VerdictDocument {
  const { outcome, versions, rejection, result, counts, diagnostics } = verdict;
  return { outcome, versions, rejection, result, counts, diagnostics };
}
