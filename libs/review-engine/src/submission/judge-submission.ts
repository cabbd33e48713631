import { Buffer } from 'node:buffer';
import type { ReviewInput } from '../engine/parse.js';
import { denySubmission, validateReview } from '../engine/validate-review.js';
import { prepareChangedFiles, type AllowList, type ChangedFile } from '../paths/index.js';
import type { Policy } from '../policy.js';
import type { Verdict } from '../verdict.js';

/** What of a submission the judgement needs; whatever else it holds (recipients, a key) is no matter here. */
export interface JudgedSubmission {
  changed_files: readonly ChangedFile[];
  root?: string | null;
  case_insensitive_paths?: boolean;
  /** The reviewer's raw output, as text or as bytes that need not be text; or the JSON value itself. */
  review_result: unknown;
}

export interface JudgementRules {
  policy: Policy;
  /** Null: nobody asks which depots are allowed (a dry run at a desk). */
  allow_list: AllowList | null;
  /** The submission's source, for preview versions (VER-8). */
  source?: string | null;
  /** Bytes of the JSON that the submission was read from, where they are known. */
  read_from_bytes?: number;
}

export interface Judgement {
  verdict: Verdict;
  /** Names of changed files that the allow-list denies, as they came. */
  denied: string[];
}

/**
 * What becomes of a submission, for the pipeline, the dry run and the command line alike (VAL-13): the allow-list again
 * (VAL-7), then the engine.
 */
export function judgeSubmission(submission: JudgedSubmission, rules: JudgementRules): Judgement {
  const denied = rules.allow_list?.denied(submission) ?? [];
  if (denied.length > 0) return { verdict: denySubmission(denied, rules.policy, rules.source ?? null), denied };
  const input = reviewInput(submission.review_result, rules.read_from_bytes);
  return {
    verdict: validateReview(input, prepareChangedFiles(submission), rules.policy, rules.source ?? null),
    denied,
  };
}

/** A submission's `review_result` as the engine takes it: a string is raw output, and so are bytes; an object is the document. */
export function reviewInput(review_result: unknown, read_from_bytes?: number): ReviewInput {
  if (typeof review_result === 'string' || Buffer.isBuffer(review_result)) return { raw: review_result };
  return read_from_bytes === undefined ? { document: review_result } : { document: review_result, read_from_bytes };
}

/** A verdict for those outside: a dry run answers with it. */
export type VerdictDocument = Omit<Verdict, 'unchanged'>;

export function verdictDocument(verdict: Verdict): VerdictDocument {
  const { unchanged: _unchanged, ...document } = verdict;
  return document;
}
