import { Failure } from '@assay/contracts';
import type { ErrorClass } from '@assay/contracts';
import type { Meaning } from '@assay/providers-file';
import { connectionFault } from '../connection-fault.js';
import type { Classification } from '../provider.js';
import { HttpAnswer, HttpSilence } from './errors.js';

/** What a receiver's own code says, where it has one. */
export interface Meant {
  meaning: Meaning;
  /** Stable, lower snake case. */
  code: string;
}

type Shape = Pick<Classification, 'verdict' | 'concerns'> & {
  error_class: ErrorClass;
  stays?: boolean;
  too_large?: boolean;
};

const SHAPES: Record<Meaning, Shape> = {
  credential: { verdict: 'not_sent_retryable', concerns: 'credential', error_class: 'AUTHENTICATION_FAILED' },
  forbidden: { verdict: 'not_sent_retryable', concerns: 'recipient', error_class: 'AUTHENTICATION_FAILED' },
  destination: {
    verdict: 'not_sent_retryable',
    concerns: 'destination',
    error_class: 'DEPENDENCY_UNAVAILABLE',
    stays: true,
  },
  busy: { verdict: 'not_sent_retryable', concerns: 'destination', error_class: 'DEPENDENCY_UNAVAILABLE' },
  in_progress: { verdict: 'not_sent_retryable', concerns: 'recipient', error_class: 'CONFLICT' },
  conflict: { verdict: 'known', concerns: 'recipient', error_class: 'POLICY_REJECTED' },
  recipient: { verdict: 'not_sent_permanent', concerns: 'recipient', error_class: 'RECIPIENT_INVALID' },
  too_large: {
    verdict: 'not_sent_permanent',
    concerns: 'recipient',
    error_class: 'POLICY_REJECTED',
    too_large: true,
  },
  refused: { verdict: 'not_sent_permanent', concerns: 'recipient', error_class: 'POLICY_REJECTED' },
  unclear: { verdict: 'ambiguous', concerns: 'destination', error_class: 'OUTCOME_UNKNOWN' },
};

const BY_STATUS: ReadonlyMap<number, Meaning> = new Map([
  [401, 'credential'],
  [403, 'forbidden'],
  // A proxy or a deployment answers so for a while, and a moved endpoint for good: neither is the fault of a row.
  [404, 'destination'],
  [408, 'busy'],
  [409, 'conflict'],
  [410, 'recipient'],
  [413, 'too_large'],
  [425, 'busy'],
  [429, 'busy'],
  // Of the 5xx, these alone say whether the request can have taken effect.
  [501, 'refused'],
  [503, 'busy'],
  [505, 'refused'],
]);

/** DEL-4, DEL-7: by the receiver's own code, else by status, and by phase. */
export function classifyHttp(error: unknown): Classification {
  if (error instanceof HttpSilence) return classifySilence(error);
  if (!(error instanceof HttpAnswer)) {
    return { verdict: 'not_sent_permanent', failure: Failure.from(error), concerns: 'destination' };
  }
  const { answer, key, conflict_means_known, meant } = error.refusal;
  const { meaning, code } = meant ?? meaningOf(answer.status);
  const said = outcome(SHAPES[meaning], error, code);
  if (meaning === 'conflict') said.known = { believed: conflict_means_known };
  if (meaning === 'forbidden') said.suspected = { of: 'credential', counted_by: key };
  return { ...said, answer };
}

function meaningOf(status: number): Meant {
  const known = BY_STATUS.get(status);
  const meaning = known ?? (status < 400 ? 'destination' : status < 500 ? 'refused' : 'unclear');
  return { meaning, code: `http_${status}` };
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_ABORTED', 'ETIMEDOUT']);

function classifySilence(silence: HttpSilence): Classification {
  const code = silence.code.toLowerCase();
  if (silence.started) return outcome(SHAPES.unclear, silence, code);
  if (silence.code === 'UND_ERR_INVALID_ARG') {
    return { verdict: 'not_sent_permanent', failure: Failure.from(silence), concerns: 'destination' };
  }
  if (silence.code === 'ASSAY_FORBIDDEN_ADDRESS') return outcome(SHAPES.refused, silence, 'forbidden_address');
  const fault = connectionFault(silence.code);
  if (fault !== null) return outcome(SHAPES.destination, silence, fault);
  const error_class = TIMEOUTS.has(silence.code) ? 'DEPENDENCY_TIMEOUT' : 'DEPENDENCY_UNAVAILABLE';
  return outcome({ ...SHAPES.busy, error_class }, silence, code);
}

function outcome({ error_class, ...shape }: Shape, error: HttpAnswer | HttpSilence, code: string): Classification {
  const refusal = error instanceof HttpAnswer ? error.refusal : undefined;
  const failure = new Failure({
    error_class,
    code,
    retryable: shape.verdict === 'not_sent_retryable',
    message: error.message,
    retry_after_ms: refusal?.retry_after_ms,
    upstream_status: refusal?.answer.status,
    cause: error,
  });
  return { ...shape, failure };
}
