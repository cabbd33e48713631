import { createHash } from 'node:crypto';
import { Pool } from 'undici';
import type { Dispatcher } from 'undici';
import { renderWebhook } from '../../rendering/index.js';
import type { RenderingInput, WebhookPayload } from '../../rendering/index.js';
import type { Capabilities, Classification, Destination, Provider, Receipt, SendRequest } from '../provider.js';
import { evidence } from '../evidence.js';
import { guardedLookup } from './forbidden-address.js';
import { retryAfterMs } from './retry-after.js';
import { signingKey, standardWebhookHeaders } from './standard-webhooks.js';
import { readAway, toldHeaders } from './webhook-answer.js';
import { classifyWebhook, WebhookAnswer, WebhookSilence } from './webhook.classify.js';
import type { WebhookEndpoint } from './webhook.settings.js';

export interface WebhookProviderOptions {
  endpoints: readonly WebhookEndpoint[];
  send_timeout_ms: number;
}

interface Target {
  endpoint: WebhookEndpoint;
  pool: Pool;
  destination: Destination;
}

/**
 * Signed webhooks by the Standard Webhooks specification (DEL-5). Receivers deduplicate on `webhook-id`, so what may
 * have been sent is sent again under the same id and with the same body (DEL-4, policy `resend`).
 */
export class WebhookProvider implements Provider<WebhookPayload> {
  readonly channel = 'webhook';
  readonly capabilities: Capabilities = { idempotent: true, lookup: null, ambiguous_policy: 'resend' };
  readonly #targets: ReadonlyMap<string, Target>;

  constructor(options: WebhookProviderOptions) {
    this.#targets = new Map(
      options.endpoints.map((endpoint) => [endpoint.name, target(endpoint, options.send_timeout_ms)]),
    );
  }

  destinationOf(address: string): Destination | null {
    return this.#targets.get(address)?.destination ?? null;
  }

  /** Version 1 is the only one so far; a second one stands beside it, never in its place. */
  render(input: RenderingInput, _render_version: number): WebhookPayload {
    return renderWebhook(input);
  }

  async send(request: SendRequest<WebhookPayload>): Promise<Receipt> {
    const { endpoint, pool } = this.#targets.get(request.address)!;
    const { body } = request.payload;
    const keys = endpoint.secrets.map((secret) => signingKey(secret.current().reveal()));
    // eslint-disable-next-line no-restricted-syntax -- the receiver compares the timestamp with its own clock
    const unix_ms = Date.now();
    const phase = { started: false };
    let answer: Dispatcher.ResponseData;
    try {
      const request_made = pool.compose(tellStart(phase)).request({
        method: 'POST',
        path: endpoint.url.pathname + endpoint.url.search,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'assay',
          ...standardWebhookHeaders(request.key, Math.floor(unix_ms / 1_000), body, keys),
          'x-correlation-id': request.correlation_id,
          ...(request.traceparent === null ? {} : { traceparent: request.traceparent }),
        },
        body,
        signal: request.signal,
      });
      answer = await orAbortedBeforeStart(request_made, request.signal, phase);
    } catch (error) {
      throw new WebhookSilence(phase.started, codeOf(error), { cause: error });
    }
    // The status is the answer, whatever becomes of the body.
    const { statusCode: status, headers } = answer;
    const text = readAway(answer.body);
    if (status >= 200 && status < 300) {
      return {
        notification_id: request.key,
        answer: { status, headers: toldHeaders(headers, endpoint.url), text: '' },
      };
    }
    throw new WebhookAnswer({
      answer: { status, headers: toldHeaders(headers, endpoint.url), text: evidence(await text) },
      retry_after_ms: retryAfterMs(headers['retry-after'], unix_ms),
      key: request.key,
      conflict_means_known: endpoint.conflict_means_known,
    });
  }

  classify(error: unknown): Classification {
    return classifyWebhook(error);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#targets.values()].map(({ pool }) => pool.destroy()));
  }
}

function target(endpoint: WebhookEndpoint, send_timeout_ms: number): Target {
  const pool = new Pool(endpoint.url.origin, {
    connections: endpoint.concurrency,
    pipelining: 1,
    connect: { timeout: send_timeout_ms, lookup: guardedLookup },
    headersTimeout: send_timeout_ms,
    bodyTimeout: send_timeout_ms,
  });
  const destination: Destination = {
    name: `webhook:${endpoint.name}`,
    concurrency: endpoint.concurrency,
    rate_per_s: endpoint.rate_per_s,
    credentialFingerprint: () =>
      createHash('sha256')
        .update(JSON.stringify([endpoint.url.href, ...endpoint.secrets.map((secret) => secret.current().reveal())]))
        .digest('hex'),
  };
  return { endpoint, pool, destination };
}

/**
 * undici starts a request on a connection immediately before it writes the first byte. Until then it may wait in the
 * pool or for the connection, and a failure is definitely "not sent" (DEL-4).
 */
function tellStart(phase: { started: boolean }): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        handler.onRequestStart?.(controller, context);
        // One that was aborted while it waited gives up here, before a byte is written.
        phase.started = !controller.aborted;
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
}

/**
 * undici leaves an aborted request waiting until its turn comes, and drops it then. That may be long after the send
 * time-out, and it is known already that nothing will leave.
 */
function orAbortedBeforeStart<T>(request: Promise<T>, signal: AbortSignal, phase: { started: boolean }): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      if (!phase.started) reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    request.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return code;
  return name === 'TimeoutError' || name === 'AbortError' ? 'UND_ERR_ABORTED' : 'unexpected_error';
}
