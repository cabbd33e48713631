/** HTTP problem codes (RFC 9457, ING-10). The code is stable; title and detail are for people. */
export const PROBLEMS = {
  malformed_json: { status: 400, title: 'The body is not JSON' },
  invalid_encoding: { status: 400, title: 'The body is not UTF-8' },
  invalid_request: { status: 400, title: 'The request does not have the documented shape' },
  idempotency_key_mismatch: { status: 400, title: 'Idempotency-Key header and body disagree' },
  unauthenticated: { status: 401, title: 'No valid credential came with the request' },
  forbidden: { status: 403, title: 'The credential does not carry the role that this route needs' },
  depot_path_not_allowed: { status: 403, title: 'A changed file lies outside the depots that are allowed' },
  not_found: { status: 404, title: 'Nothing of that name is visible to this credential' },
  method_not_allowed: { status: 405, title: 'The route does not take this method' },
  idempotency_key_reused: { status: 409, title: 'The idempotency key was used before with another body' },
  review_in_progress: { status: 409, title: 'This version of the changelist is still under way' },
  rerun_required: { status: 409, title: 'An older version of the changelist stands; say rerun: true to replace it' },
  stale_review_version: { status: 409, title: 'A newer version of the changelist stands' },
  job_settled: { status: 409, title: 'The job has ended: nothing of it is left to cancel' },
  evidence_required: { status: 409, title: 'A dead letter without evidence is not replayed: attach some first' },
  nothing_to_replay: { status: 409, title: 'No dead letter of the plan may be replayed as it stands' },
  plan_too_large: { status: 409, title: 'The plan would hold more dead letters than a plan may' },
  illegal_transition: { status: 409, title: 'The item cannot move to that state from where it is' },
  payload_too_large: { status: 413, title: 'The body is larger than the limit' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  rate_limited: { status: 429, title: 'Too many requests for this source' },
  internal_error: { status: 500, title: 'The service failed; the correlation id finds the cause in its logs' },
  unavailable: { status: 503, title: 'The request could not be made durable; try again' },
} as const satisfies Record<string, { status: number; title: string }>;
export type ProblemCode = keyof typeof PROBLEMS;

export interface FieldError {
  /** JSON Pointer (RFC 6901) into the request body; query and header fields as `?name` and `header:name`. */
  pointer: string;
  code: string;
  detail: string;
}

/** The body of an `application/problem+json` answer. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail?: string;
  errors?: FieldError[];
  correlation_id?: string;
  [extension: string]: unknown;
}

/** Thrown by controllers and services; the one exception filter turns it into an answer. */
export class Problem extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly options: {
      detail?: string;
      errors?: FieldError[];
      headers?: Record<string, string>;
      extensions?: Record<string, unknown>;
      cause?: unknown;
    } = {},
  ) {
    super(options.detail ?? PROBLEMS[code].title, { cause: options.cause });
    this.name = 'Problem';
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

const PROBLEM_TYPE = 'urn:assay:problem:';

/** A problem as it is answered. */
export function problemDetails({ code, options }: Problem): ProblemDetails {
  return {
    type: PROBLEM_TYPE + code,
    title: PROBLEMS[code].title,
    status: PROBLEMS[code].status,
    code,
    ...(options.detail !== undefined && { detail: options.detail }),
    ...(options.errors && { errors: options.errors }),
    ...options.extensions,
  };
}
