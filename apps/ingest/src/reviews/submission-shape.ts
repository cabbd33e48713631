import { canonicalRecipient, Problem, recipientKey } from '@assay/contracts';
import type { FieldError, Recipient } from '@assay/contracts';
import { changedFilesFaults, isLargerThan, reviewInput, reviewResultFaults, rootFaults } from '@assay/review-engine';
import { readEnvelope } from './submission-envelope.js';
import type { SubmissionEnvelope } from './submission-envelope.js';

/** A submission whose shape has been checked (ING-1), with its defaults filled in. */
export interface SubmissionShape {
  idempotency_key: string;
  changelist_id: string;
  review_version: number;
  rerun: boolean;
  priority: number;
  root: string | null;
  case_insensitive_paths: boolean;
  changed_files: string[];
  /** Canonical. */
  recipients: Recipient[];
  review_result_format: 'json' | 'sarif';
}

export interface SubmissionLimits {
  /** Bytes of a review result: the text's own, or the object's as compact JSON (VAL-10). */
  review_result_bytes: number;
}

const DEFAULT_PRIORITY = 5;
/** A caller mends its program by the first few; thousands of answers to one bad loop help nobody. */
const MAX_ERRORS = 100;

export interface RawSubmission {
  /** The parsed body. */
  body: unknown;
  /** Length of the body as it came, in bytes. */
  body_bytes: number;
  /** `Idempotency-Key`, if it came. */
  header_key: string | undefined;
}

/** Checks a submission's shape; throws the problem that names every bad field (ING-10). */
export function readSubmission(raw: RawSubmission, limits: SubmissionLimits): SubmissionShape {
  const { body } = raw;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid([{ pointer: '', code: 'invalid_type', detail: 'must be an object' }]);
  }
  const members = body as Record<string, unknown>;
  const { envelope, errors } = readEnvelope(members);
  errors.push(...changedFilesFaults(members['changed_files']), ...reviewResultFaults(members['review_result']));
  if (typeof envelope.root === 'string') errors.push(...rootFaults(envelope.root));
  const recipients = errors.some(isAboutRecipients) ? [] : readRecipients(envelope, errors);
  const idempotency_key = readKey(envelope, raw.header_key, errors);
  if (errors.length > 0) throw invalid(errors);
  refuseOversizedResult(members['review_result'], raw.body_bytes, limits);
  return {
    idempotency_key,
    changelist_id: envelope.changelist_id,
    review_version: envelope.review_version,
    rerun: envelope.rerun ?? false,
    priority: envelope.priority ?? DEFAULT_PRIORITY,
    root: envelope.root ?? null,
    case_insensitive_paths: envelope.case_insensitive_paths ?? false,
    changed_files: members['changed_files'] as string[],
    recipients,
    review_result_format: envelope.review_result_format ?? 'json',
  };
}

function invalid(errors: FieldError[]): Problem {
  const disagree = errors.length === 1 && errors[0]!.code === 'idempotency_key_mismatch';
  const nobody_told = 'Nothing was stored and nobody was told, the other recipients of the list neither.';
  return new Problem(disagree ? 'idempotency_key_mismatch' : 'invalid_request', {
    ...(errors.some(isAboutOneRecipient) && { detail: nobody_told }),
    errors: errors.slice(0, MAX_ERRORS),
    extensions: errors.length > MAX_ERRORS ? { errors_in_all: errors.length } : {},
  });
}

/** Header or body; where both say one, the same (ING-1). */
function readKey(envelope: SubmissionEnvelope, header_key: string | undefined, errors: FieldError[]): string {
  const inBody = envelope.idempotency_key;
  if (header_key === undefined) {
    if (inBody === undefined) {
      errors.push({
        pointer: '/idempotency_key',
        code: 'required',
        detail: 'must stand here or in the Idempotency-Key header',
      });
    }
    return inBody ?? '';
  }
  if (inBody !== undefined && inBody !== header_key) {
    errors.push({ pointer: '/idempotency_key', code: 'idempotency_key_mismatch', detail: 'differs from the header' });
  } else if (!/^[\x21-\x7e]{1,255}$/.test(header_key)) {
    errors.push({
      pointer: 'header:Idempotency-Key',
      code: 'invalid_value',
      detail: 'must be 1 to 255 printable ASCII characters without spaces',
    });
  }
  return header_key;
}

function isAboutRecipients(error: FieldError): boolean {
  return error.pointer.startsWith('/recipients');
}

function isAboutOneRecipient(error: FieldError): boolean {
  return error.pointer.startsWith('/recipients/');
}

function readRecipients(envelope: SubmissionEnvelope, errors: FieldError[]): Recipient[] {
  const seen = new Set<string>();
  return envelope.recipients.flatMap(({ channel, address }, index) => {
    const pointer = `/recipients/${index}`;
    const recipient = canonicalRecipient({ channel, address });
    if (recipient === null) {
      const detail = channel === 'email' ? `${shown(address)}is not a mail address` : 'is not the name of an endpoint';
      errors.push({ pointer: `${pointer}/address`, code: 'invalid_value', detail });
      return [];
    }
    const key = recipientKey(recipient);
    if (seen.has(key)) errors.push({ pointer, code: 'duplicate', detail: 'stands in the list already' });
    seen.add(key);
    return [recipient];
  });
}

/** An address is no secret; what may be none (a URL with a password, a token) is not shown (ING-10). */
function shown(address: string): string {
  return /^[^\s@/:]+@[^\s@/:]+$/.test(address.trim()) ? `${JSON.stringify(address)} ` : '';
}

function refuseOversizedResult(result: unknown, body_bytes: number, limits: SubmissionLimits): void {
  const limit = limits.review_result_bytes;
  if (!isLargerThan(reviewInput(result, body_bytes), limit)) return;
  throw new Problem('payload_too_large', {
    detail: `review_result is larger than ${limit} bytes`,
    errors: [{ pointer: '/review_result', code: 'too_large', detail: `must be at most ${limit} bytes` }],
  });
}
