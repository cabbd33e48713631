import { createHash } from 'node:crypto';
import { signingKey } from '@assay/providers-file';
import type { WebhookEndpoint } from '@assay/providers-file';
import type { Pool } from 'undici';
import { renderCompactWebhook, renderWebhook } from '../../rendering/index.js';
import type { RenderingInput, WebhookPayload } from '../../rendering/index.js';
import { classifyHttp, exchange, outgoingPool, readAway, refusalOf, toldHeaders } from '../http/index.js';
import type { Capabilities, Classification, Destination, Provider, Receipt, SendRequest } from '../provider.js';
import { standardWebhookHeaders } from './standard-webhooks.js';

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
  readonly name = 'webhook';
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

  renderCompact(input: RenderingInput, _render_version: number, max_bytes: number): WebhookPayload {
    return renderCompactWebhook(input, max_bytes);
  }

  async send(request: SendRequest<WebhookPayload>): Promise<Receipt> {
    const { endpoint, pool } = this.#targets.get(request.address)!;
    const { body } = request.payload;
    const keys = endpoint.secrets.map((secret) => signingKey(secret.current().reveal()));
    // eslint-disable-next-line no-restricted-syntax -- the receiver compares the timestamp with its own clock
    const unix_ms = Date.now();
    const answer = await exchange(pool, {
      method: 'POST',
      path: endpoint.url.pathname + endpoint.url.search,
      headers: {
        ...endpoint.headers,
        ...Object.fromEntries(secretHeaders(endpoint)),
        'content-type': 'application/json',
        'user-agent': 'assay',
        ...standardWebhookHeaders(request.key, Math.floor(unix_ms / 1_000), body, keys),
        'x-correlation-id': request.correlation_id,
        ...(request.traceparent === null ? {} : { traceparent: request.traceparent }),
      },
      body,
      signal: request.signal,
    });
    const { url, conflict_means_known } = endpoint;
    // The status is the answer, whatever becomes of the body.
    const { statusCode: status, headers } = answer;
    if (status >= 200 && status < 300) {
      void readAway(answer.body);
      return { notification_id: request.key, answer: { status, headers: toldHeaders(headers, url), text: '' } };
    }
    throw await refusalOf(answer, { url, key: request.key, conflict_means_known });
  }

  classify(error: unknown): Classification {
    return classifyHttp(error);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#targets.values()].map(({ pool }) => pool.destroy()));
  }
}

function target(endpoint: WebhookEndpoint, send_timeout_ms: number): Target {
  const pool = outgoingPool(
    endpoint.url.origin,
    { connections: endpoint.concurrency, timeout_ms: send_timeout_ms },
    endpoint.security,
  );
  const name = `webhook:${endpoint.name}`;
  const destination: Destination = {
    name,
    lane: name,
    concurrency: endpoint.concurrency,
    rate_per_s: endpoint.rate_per_s,
    max_bytes: endpoint.max_bytes,
    credentialFingerprint: () =>
      createHash('sha256')
        .update(
          JSON.stringify([
            endpoint.url.href,
            ...endpoint.secrets.map((secret) => secret.current().reveal()),
            ...secretHeaders(endpoint),
          ]),
        )
        .digest('hex'),
  };
  return { endpoint, pool, destination };
}

function secretHeaders({ bearer, secret_headers }: WebhookEndpoint): [string, string][] {
  const named = Object.entries(secret_headers).map(([name, value]): [string, string] => [
    name,
    value.current().reveal(),
  ]);
  return bearer === null ? named : [...named, ['authorization', `Bearer ${bearer.current().reveal()}`]];
}
