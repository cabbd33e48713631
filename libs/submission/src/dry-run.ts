import type { FieldError } from '@assay/contracts';
import { judgeSubmission, PolicyError, verdictDocument, withReading } from '@assay/review-engine';
import type { JudgementRules, Policy, VerdictDocument } from '@assay/review-engine';
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
 * with which `POST /v1/reviews` would refuse it. A `policy` that comes with it stands in place of the rules' reading.
 *
 * @throws Problem as {@link readSubmission}, and `depot_path_not_allowed`.
 */
export function dryRun(given: GivenSubmission, rules: Omit<JudgementRules, 'read_from_bytes'>): DryRunDocument {
  const { policy, faults } = policyFor(given, rules.policy);
  const { max_result_bytes } = policy.limits;
  const submission = readSubmission(given, { dry_run: true, own_faults: faults, max_result_bytes });
  const { verdict, denied } = judgeSubmission(submission, { ...rules, policy, read_from_bytes: given.bytes });
  if (denied.length > 0) throw deniedProblem(denied);
  return { ...verdictDocument(verdict), allow_list_hash: rules.allow_list?.hash ?? null };
}

function policyFor({ value }: GivenSubmission, policy: Policy): { policy: Policy; faults: FieldError[] } {
  const given = (value as { policy?: unknown } | null)?.policy;
  if (given === undefined) return { policy, faults: [] };
  try {
    return { policy: withReading(policy, given), faults: [] };
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return {
      policy,
      faults: error.faults.map(({ pointer, detail }) => ({
        pointer: `/policy${pointer ?? ''}`,
        code: 'invalid_value',
        detail,
      })),
    };
  }
}
