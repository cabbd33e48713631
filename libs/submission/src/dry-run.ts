import { judgeSubmission, verdictDocument } from '@assay/review-engine';
import type { JudgementRules, VerdictDocument } from '@assay/review-engine';
import { deniedProblem } from './denied-problem.js';
import { readSubmission } from './read-submission.js';
import type { GivenSubmission } from './read-submission.js';

/** What a dry run answers: the document of `POST /v1/validations` and `assayctl validate --json`. */
export interface DryRunDocument extends VerdictDocument {
  /** Of the depot allow-list that the changed files passed; null where none was asked, so that it may deny them yet. */
  allow_list_hash: string | null;
}

/**
 * What would become of a submission, without storing anything (VAL-13): the verdict, a rejection too, or the problem
 * with which `POST /v1/reviews` would refuse it.
 *
 * @throws Problem as {@link readSubmission}, and `depot_path_not_allowed`.
 */
export function dryRun(given: GivenSubmission, rules: Omit<JudgementRules, 'read_from_bytes'>): DryRunDocument {
  const { max_result_bytes } = rules.policy.limits;
  const submission = readSubmission(given, { dry_run: true, max_result_bytes });
  const { verdict, denied } = judgeSubmission(submission, { ...rules, read_from_bytes: given.bytes });
  if (denied.length > 0) throw deniedProblem(denied);
  return { ...verdictDocument(verdict), allow_list_hash: rules.allow_list?.hash ?? null };
}
