import type { Submission } from '@assay/contracts';
import { denySubmission, prepareChangedFiles, validateReview } from '@assay/review-engine';
import type { AllowList, Policy, Verdict } from '@assay/review-engine';

export interface Judgement {
  verdict: Verdict;
  /** Changed files that the allow-list denies, as they came. */
  denied: string[];
}

/**
 * What the pipeline makes of a submission, without any effect: the allow-list again (VAL-7), then the engine. The
 * review result comes as the reviewer's raw output (a string) or as the JSON value itself (ING-1).
 */
export function judgeSubmission(
  submission: Submission,
  source: string,
  rules: { policy: Policy; allow_list: AllowList },
): Judgement {
  const denied = rules.allow_list.denied(submission);
  if (denied.length > 0) return { verdict: denySubmission(denied, rules.policy), denied };
  const { review_result } = submission;
  const input = typeof review_result === 'string' ? { raw: review_result } : { document: review_result };
  return { verdict: validateReview(input, prepareChangedFiles(submission), rules.policy, source), denied };
}
