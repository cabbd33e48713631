import type { Dispatcher } from 'undici';
import { evidence } from '../evidence.js';
import type { ReceiverAnswer } from '../provider.js';
import { readAway, toldHeaders } from './answer-body.js';
import { retryAfterMs } from './retry-after.js';

export interface HttpRefusal {
  answer: ReceiverAnswer;
  retry_after_ms: number | undefined;
  /** The delivery's key. */
  key: string;
  /** The configuration's word for what a conflict about the key means there. */
  conflict_means_known: boolean;
}

/** The receiver answered, and not with a 2xx. */
export class HttpAnswer extends Error {
  constructor(readonly refusal: HttpRefusal) {
    const { status, headers } = refusal.answer;
    super(`the endpoint answered ${status}${headers['location'] ? ` and named ${headers['location']}` : ''}`);
    this.name = 'HttpAnswer';
  }
}

/** No answer came. */
export class HttpSilence extends Error {
  constructor(
    /** The request had been given to a connection: its first byte may have left. */
    readonly started: boolean,
    /** Node's or undici's code. */
    readonly code: string,
    options: { cause: unknown },
  ) {
    super(`no answer (${code}), ${started ? 'after' : 'before'} the first byte`, options);
    this.name = 'HttpSilence';
  }
}

/** Reads a refusal away and keeps of it what is told. */
export async function refusalOf(
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
  { url, key, conflict_means_known = false }: { url: URL; key: string; conflict_means_known?: boolean },
): Promise<HttpAnswer> {
  // eslint-disable-next-line no-restricted-syntax -- a date in Retry-After is compared with the host's clock
  const unix_ms = Date.now();
  return new HttpAnswer({
    answer: { status, headers: toldHeaders(headers, url), text: evidence(await readAway(body)) },
    retry_after_ms: retryAfterMs(headers['retry-after'], unix_ms),
    key,
    conflict_means_known,
  });
}
