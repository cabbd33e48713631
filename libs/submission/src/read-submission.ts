import { Problem } from '@assay/contracts';
import type { FieldError, Recipient } from '@assay/contracts';
import { isLargerThan, reviewInput } from '@assay/review-engine';
import type { ChangedFile } from '@assay/review-engine';
import { changedFilesFaults, rootFaults } from './changed-files.js';
import { fieldFaults } from './fields.js';
import { readKey } from './idempotency-key.js';
import { readRecipients } from './recipients.js';

/** A submission whose shape has been checked (ING-1), with its defaults filled in. */
export interface Submission {
  /** Empty where a dry run left it out. */
  idempotency_key: string;
  changelist_id: string;
  review_version: number;
  rerun: boolean;
  priority: number;
  root: string | null;
  case_insensitive_paths: boolean;
  changed_files: ChangedFile[];
  /** Canonical; empty where a dry run left them out. */
  recipients: Recipient[];
  review_result_format: 'json';
  /** The reviewer's raw output as text (or, at a desk, as bytes that may be none), or the JSON object itself. */
  review_result: unknown;
}

export interface GivenSubmission {
  /** The parsed body. */
  value: unknown;
  /** Length of the body as it came. */
  bytes: number;
  /** `Idempotency-Key`, if it came. */
  header_key?: string | undefined;
}

export interface DoorRules {
  /** Bytes of a review result: the text's own, or the object's as compact JSON (VAL-10). */
  max_result_bytes: number;
  /** The key and the recipients may be left out; what is given of them is judged all the same. */
  dry_run?: boolean;
  /** What is wrong with members that this door alone takes: told with the rest. */
  own_faults?: readonly FieldError[];
}

const DEFAULT_PRIORITY = 5;
/** A caller mends its program by the first few; thousands of answers to one bad loop help nobody. */
const MAX_ERRORS = 100;

/**
 * Reads a submission for all that take one, so that they agree on every input (VAL-13): `POST /v1/reviews`,
 * `POST /v1/validations` and `assayctl validate`.
 *
 * @throws Problem `invalid_request` naming every bad field, `idempotency_key_mismatch`, `payload_too_large` (ING-10).
 */
export function readSubmission(
  given: GivenSubmission,
  { dry_run = false, own_faults = [], max_result_bytes }: DoorRules,
): Submission {
  const { value } = given;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid([{ pointer: '', code: 'invalid_type', detail: 'must be an object' }]);
  }
  const members = value as Record<string, unknown>;
  const errors = [
    ...fieldFaults(members, dry_run),
    ...changedFilesFaults(members['changed_files']),
    ...reviewResultFaults(members['review_result']),
    ...rootFaults(members['root']),
    ...own_faults,
  ];
  const recipients = readRecipients(members['recipients'], dry_run, errors);
  const idempotency_key = readKey(members['idempotency_key'], given.header_key, dry_run, errors);
  if (errors.length > 0) throw invalid(errors);
  refuseOversizedResult(members['review_result'], given.bytes, max_result_bytes);
  return { ...withDefaults(members as unknown as Written), idempotency_key, recipients };
}

/** Members of which each has been judged. */
interface Written extends Pick<Submission, 'review_version' | 'changed_files' | 'review_result'> {
  changelist_id: string | number;
  rerun?: boolean;
  priority?: number;
  root?: string | null;
  case_insensitive_paths?: boolean;
}

function withDefaults(written: Written): Omit<Submission, 'idempotency_key' | 'recipients'> {
  return {
    changelist_id: String(written.changelist_id),
    review_version: written.review_version,
    rerun: written.rerun ?? false,
    priority: written.priority ?? DEFAULT_PRIORITY,
    root: written.root ?? null,
    case_insensitive_paths: written.case_insensitive_paths ?? false,
    changed_files: written.changed_files,
    review_result_format: 'json',
    review_result: written.review_result,
  };
}

function invalid(errors: FieldError[]): Problem {
  const disagree = errors.length === 1 && errors[0]!.code === 'idempotency_key_mismatch';
  const nobody_told = 'Nothing was stored and nobody was told, the other recipients of the list neither.';
  const about_one_recipient = errors.some(({ pointer }) => pointer.startsWith('/recipients/'));
  return new Problem(disagree ? 'idempotency_key_mismatch' : 'invalid_request', {
    ...(about_one_recipient && { detail: nobody_told }),
    errors: errors.slice(0, MAX_ERRORS),
    extensions: errors.length > MAX_ERRORS ? { errors_in_all: errors.length } : {},
  });
}

/** A string is raw output, whatever it holds, and so are bytes, which no JSON brings; an object is the document. */
function reviewResultFaults(value: unknown): FieldError[] {
  const pointer = '/review_result';
  const detail = 'must be a string (the raw output) or an object';
  if (value === undefined) return [{ pointer, code: 'required', detail }];
  const fits = typeof value === 'string' || (typeof value === 'object' && value !== null && !Array.isArray(value));
  return fits ? [] : [{ pointer, code: 'invalid_type', detail }];
}

function refuseOversizedResult(result: unknown, body_bytes: number, limit: number): void {
  if (!isLargerThan(reviewInput(result, body_bytes), limit)) return;
  throw new Problem('payload_too_large', {
    detail: `review_result is larger than ${limit} bytes`,
    errors: [{ pointer: '/review_result', code: 'too_large', detail: `must be at most ${limit} bytes` }],
  });
}
