import { Failure } from '@assay/contracts';
import type { ErrorClass } from '@assay/contracts';
import type { Classification } from '../provider.js';

/** The receiver answered, and not with a 2xx. */
export class WebhookAnswer extends Error {
  constructor(
    readonly status: number,
    readonly retry_after_ms: number | undefined,
  ) {
    super(`the endpoint answered ${status}`);
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
const AMBIGUOUS = new Set([500, 502, 504]);
const GONE = new Set([404, 410]);
const CREDENTIAL = new Set([401, 403]);
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_ABORTED', 'ETIMEDOUT']);

/** DEL-4, DEL-7: by status, code and phase. */
export function classifyWebhook(error: unknown): Classification {
  if (error instanceof WebhookAnswer) return classifyAnswer(error);
  if (error instanceof WebhookSilence) return classifySilence(error);
  return { verdict: 'not_sent_permanent', failure: Failure.from(error), concerns: 'destination' };
}

function classifyAnswer(answer: WebhookAnswer): Classification {
  const { status } = answer;
  const code = `http_${status}`;
  if (CREDENTIAL.has(status)) {
    return outcome('not_sent_retryable', 'credential', answer, 'AUTHENTICATION_FAILED', code);
  }
  if (RETRYABLE.has(status)) {
    return outcome('not_sent_retryable', 'destination', answer, 'DEPENDENCY_UNAVAILABLE', code);
  }
  // Any other 5xx says as little as 500 about whether the request took effect; 501 and 505 say that it cannot.
  if (AMBIGUOUS.has(status) || (status >= 500 && status !== 501 && status !== 505)) {
    return outcome('ambiguous', 'destination', answer, 'OUTCOME_UNKNOWN', code);
  }
  const error_class = GONE.has(status) ? 'RECIPIENT_INVALID' : 'POLICY_REJECTED';
  return outcome('not_sent_permanent', 'recipient', answer, error_class, code);
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
  const failure = new Failure({
    error_class,
    code,
    retryable: verdict === 'not_sent_retryable',
    message: error.message,
    retry_after_ms: error instanceof WebhookAnswer ? error.retry_after_ms : undefined,
    upstream_status: error instanceof WebhookAnswer ? error.status : undefined,
    cause: error,
  });
  return { verdict, failure, concerns };
}
