import type { Dispatcher } from 'undici';
import { evidence, withoutAddress } from '../evidence.js';
import type { ReceiverAnswer } from '../provider.js';
import { readAway, toldHeaders } from './answer-body.js';
import type { Meant } from './classify-http.js';
import { retryAfterMs } from './retry-after.js';

export interface HttpRefusal {
  answer: ReceiverAnswer;
  retry_after_ms: number | undefined;
  /** The delivery's key. */
  key: string;
  /** The configuration's word for what a conflict about the key means there. */
  conflict_means_known: boolean;
  /** By the receiver's own code; null where it has none that is known, and the status decides. */
  meant: Meant | null;
}

export interface RefusalContext {
  url: URL;
  key: string;
  conflict_means_known?: boolean;
  /** The recipient's address, which is not told. */
  address?: string;
  meant?: (status: number, text: string) => Meant | null;
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
  { url, key, conflict_means_known = false, address = '', meant }: RefusalContext,
): Promise<HttpAnswer> {
  // eslint-disable-next-line no-restricted-syntax -- a date in Retry-After is compared with the host's clock
  const unix_ms = Date.now();
  const text = await readAway(body);
  return new HttpAnswer({
    answer: { status, headers: toldHeaders(headers, url), text: evidence(withoutAddress(text, address)) },
    retry_after_ms: retryAfterMs(headers['retry-after'], unix_ms),
    key,
    conflict_means_known,
    meant: meant?.(status, text) ?? null,
  });
}
