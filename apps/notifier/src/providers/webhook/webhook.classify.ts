import { Failure } from '@assay/contracts';
import type { ErrorClass } from '@assay/contracts';
import { connectionFault } from '../connection-fault.js';
import type { Classification, ReceiverAnswer } from '../provider.js';

export interface WebhookRefusal {
  answer: ReceiverAnswer;
  retry_after_ms: number | undefined;
  /** The delivery's key. */
  key: string;
  /** The endpoint's word for what its 409 means. */
  conflict_means_known: boolean;
}

/** The receiver answered, and not with a 2xx. */
export class WebhookAnswer extends Error {
  constructor(readonly refusal: WebhookRefusal) {
    const { status, headers } = refusal.answer;
    super(`the endpoint answered ${status}${headers['location'] ? ` and named ${headers['location']}` : ''}`);
    this.name = 'WebhookAnswer';
  }
}

/** No answer came. */
export class WebhookSilence extends Error {
  constructor(
    /** The request had been given to a connection: its first byte may have left. */
    readonly started: boolean,
    /** Node's or undici's code. */
    readonly code: string,
    options: { cause: unknown },
  ) {
    super(`no answer (${code}), ${started ? 'after' : 'before'} the first byte`, options);
    this.name = 'WebhookSilence';
  }
}

const RETRYABLE = new Set([408, 425, 429, 503]);
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_ABORTED', 'ETIMEDOUT']);

/** DEL-4, DEL-7: by status, code and phase. */
export function classifyWebhook(error: unknown): Classification {
  if (error instanceof WebhookAnswer) return { ...classifyAnswer(error), answer: error.refusal.answer };
  if (error instanceof WebhookSilence) return classifySilence(error);
  return { verdict: 'not_sent_permanent', failure: Failure.from(error), concerns: 'destination' };
}

function classifyAnswer(error: WebhookAnswer): Classification {
  const { answer, key, conflict_means_known } = error.refusal;
  const { status } = answer;
  const code = `http_${status}`;
  if (status === 401) return outcome('not_sent_retryable', 'credential', error, 'AUTHENTICATION_FAILED', code);
  if (status === 403) {
    const forbidden = outcome('not_sent_retryable', 'recipient', error, 'AUTHENTICATION_FAILED', code);
    return { ...forbidden, suspected: { of: 'credential', counted_by: key } };
  }
  if (status === 409) {
    const known = { believed: conflict_means_known };
    return { ...outcome('known', 'recipient', error, 'POLICY_REJECTED', code), known };
  }
  // A proxy or a deployment answers so for a while, and a moved endpoint for good: neither is the fault of a row.
  if (status === 404 || (status >= 300 && status < 400)) {
    return { ...outcome('not_sent_retryable', 'destination', error, 'DEPENDENCY_UNAVAILABLE', code), stays: true };
  }
  if (RETRYABLE.has(status)) return outcome('not_sent_retryable', 'destination', error, 'DEPENDENCY_UNAVAILABLE', code);
  // 500, 502, 504 and their like do not say whether the request took effect; 501 and 505 say that it cannot have.
  if (status >= 500 && status !== 501 && status !== 505) {
    return outcome('ambiguous', 'destination', error, 'OUTCOME_UNKNOWN', code);
  }
  const error_class = status === 410 ? 'RECIPIENT_INVALID' : 'POLICY_REJECTED';
  return outcome('not_sent_permanent', 'recipient', error, error_class, code);
}

function classifySilence(silence: WebhookSilence): Classification {
  const code = silence.code.toLowerCase();
  if (silence.started) return outcome('ambiguous', 'destination', silence, 'OUTCOME_UNKNOWN', code);
  if (silence.code === 'UND_ERR_INVALID_ARG') {
    return { verdict: 'not_sent_permanent', failure: Failure.from(silence), concerns: 'destination' };
  }
  if (silence.code === 'ASSAY_FORBIDDEN_ADDRESS') {
    return outcome('not_sent_permanent', 'recipient', silence, 'POLICY_REJECTED', 'forbidden_address');
  }
  const fault = connectionFault(silence.code);
  if (fault !== null) {
    return { ...outcome('not_sent_retryable', 'destination', silence, 'DEPENDENCY_UNAVAILABLE', fault), stays: true };
  }
  const error_class = TIMEOUTS.has(silence.code) ? 'DEPENDENCY_TIMEOUT' : 'DEPENDENCY_UNAVAILABLE';
  return outcome('not_sent_retryable', 'destination', silence, error_class, code);
}

function outcome(
  verdict: Classification['verdict'],
  concerns: Classification['concerns'],
  error: WebhookAnswer | WebhookSilence,
  error_class: ErrorClass,
  code: string,
): Classification {
  const refusal = error instanceof WebhookAnswer ? error.refusal : undefined;
  const failure = new Failure({
    error_class,
    code,
    retryable: verdict === 'not_sent_retryable',
    message: error.message,
    retry_after_ms: refusal?.retry_after_ms,
    upstream_status: refusal?.answer.status,
    cause: error,
  });
  return { verdict, failure, concerns };
}
