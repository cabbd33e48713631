import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { fixedSecret } from '@assay/security';
import { Webhook } from 'standardwebhooks';
import { aValidatedReview } from '../../rendering/example-input.fixture.js';
import { renderingInput } from '../../rendering/index.js';
import { answer, closedPort, cut, ignore, startHttpReceiver } from '../conformance/http-receiver.fixture.js';
import type { HttpReceiver } from '../conformance/http-receiver.fixture.js';
import { providerConformance } from '../conformance/provider-suite.fixture.js';
import type { ProviderBehaviour } from '../conformance/provider-suite.fixture.js';
import type { Classification, Receipt } from '../provider.js';
import { WebhookProvider } from './webhook.provider.js';

const LINKS = { job: 'https://assay.example/v1/reviews/1', findings: 'https://assay.example/v1/reviews/1/findings' };

const SECRETS = [1, 2].map(() => `whsec_${randomBytes(32).toString('base64')}`);
const KEY = 'ef'.repeat(32);

function providerFor(origin: string, path = '/hook?team=a'): WebhookProvider {
  const secrets = SECRETS.map((secret) => fixedSecret(secret));
  const endpoint = { name: 'bot', url: new URL(path, origin), secrets, concurrency: 4, rate_per_s: null };
  return new WebhookProvider({ endpoints: [endpoint], send_timeout_ms: 2_000 });
}

const BEHAVIOURS: Record<ProviderBehaviour, ReturnType<typeof answer>> = {
  accept: answer(204),
  refuse_recipient: answer(410),
  busy: answer(503),
  refuse_credential: answer(401),
  cut_after_accepting: cut,
  silent_after_accepting: ignore,
};
const TAKEN: ProviderBehaviour[] = ['accept', 'cut_after_accepting', 'silent_after_accepting'];

providerConformance({
  name: 'WebhookProvider',
  clause: 'DEL-5.b',
  start: async () => {
    const receiver = await startHttpReceiver();
    const provider = providerFor(receiver.url);
    const unreachable = providerFor(`http://127.0.0.1:${await closedPort()}`);
    const accepted: { key: string; bytes: string }[] = [];
    let behaviour: ProviderBehaviour = 'accept';
    receiver.behave((response, request) => {
      const entry = { key: request.headers['webhook-id'] as string, bytes: request.body.toString() };
      if (TAKEN.includes(behaviour)) accepted.push(entry);
      BEHAVIOURS[behaviour](response, request);
    });
    return {
      provider,
      unreachable,
      address: 'bot',
      unknown_address: 'https://example.org/hook',
      behave: (next) => (behaviour = next),
      accepted: () => accepted,
      close: async () => {
        await Promise.all([provider.close(), unreachable.close()]);
        await receiver.close();
      },
    };
  },
});

describe('WebhookProvider', () => {
  let receiver: HttpReceiver;
  let provider: WebhookProvider;

  beforeEach(async () => {
    receiver = await startHttpReceiver();
    provider = providerFor(receiver.url);
  });
  afterEach(async () => {
    await provider.close();
    await receiver.close();
  });

  function send(signal = AbortSignal.timeout(5_000), to = provider): Promise<Receipt> {
    const payload = to.render(renderingInput(aValidatedReview(), LINKS), 1);
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    return to.send({ key: KEY, address: 'bot', payload, correlation_id: 'corr', traceparent, signal });
  }
  async function failure(to = provider): Promise<Classification> {
    const error: unknown = await send(undefined, to).then(
      () => new Error('was accepted'),
      (thrown: unknown) => thrown,
    );
    return to.classify(error);
  }

  it('DEL-5.e verifies with every active secret, by an independent library, and with no other', async () => {
    await send();
    const [request] = receiver.received;
    const headers = request!.headers as Record<string, string>;
    for (const secret of SECRETS) {
      expect(new Webhook(secret).verify(request!.body, headers)).toMatchObject({ type: 'review.findings' });
    }
    const other = new Webhook(`whsec_${randomBytes(32).toString('base64')}`);
    expect(() => other.verify(request!.body, headers)).toThrow('No matching signature found');
    expect(headers['webhook-id']).toBe(KEY);
  });

  it('OBS-1.a hands trace context and correlation id to the receiver', async () => {
    await send();
    expect(receiver.received[0]!.headers).toMatchObject({
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      'x-correlation-id': 'corr',
    });
    expect(receiver.received[0]!.path).toBe('/hook?team=a');
  });

  it('DEL-7.a takes 408, 425, 429 and 503 for not sent, retryable', async () => {
    for (const status of [408, 425, 429, 503]) {
      receiver.behave(answer(status));
      const { verdict, failure: cause } = await failure();
      expect([verdict, cause.retryable, cause.upstream_status]).toEqual(['not_sent_retryable', true, status]);
    }
  });

  it('DEL-7.a takes a name that does not resolve for not sent, retryable', async () => {
    const nowhere = providerFor('http://no-such-host.invalid');
    const { verdict, failure: cause } = await failure(nowhere);
    expect([verdict, cause.error_class]).toEqual(['not_sent_retryable', 'DEPENDENCY_UNAVAILABLE']);
    await nowhere.close();
  });

  it('DEL-7.b takes 500, 502 and 504 for ambiguous', async () => {
    for (const status of [500, 502, 504]) {
      receiver.behave(answer(status));
      expect([(await failure()).verdict, status]).toEqual(['ambiguous', status]);
    }
  });

  it('DEL-7.c takes 400, 404, 410 and other refusals for permanent', async () => {
    const said: unknown[] = [];
    for (const status of [400, 404, 410, 413, 422, 501]) {
      receiver.behave(answer(status));
      const { verdict, failure: cause, concerns } = await failure();
      said.push([status, verdict, cause.error_class, concerns]);
    }
    expect(said).toEqual([
      [400, 'not_sent_permanent', 'POLICY_REJECTED', 'recipient'],
      [404, 'not_sent_permanent', 'RECIPIENT_INVALID', 'recipient'],
      [410, 'not_sent_permanent', 'RECIPIENT_INVALID', 'recipient'],
      [413, 'not_sent_permanent', 'POLICY_REJECTED', 'recipient'],
      [422, 'not_sent_permanent', 'POLICY_REJECTED', 'recipient'],
      [501, 'not_sent_permanent', 'POLICY_REJECTED', 'recipient'],
    ]);
  });

  it('DEL-7.d blames the credential for 401 and 403', async () => {
    for (const status of [401, 403]) {
      receiver.behave(answer(status));
      const { verdict, concerns, failure: cause } = await failure();
      expect([verdict, concerns, cause.error_class]).toEqual([
        'not_sent_retryable',
        'credential',
        'AUTHENTICATION_FAILED',
      ]);
    }
  });

  it('DEL-8.b reads Retry-After as seconds and as a date', async () => {
    receiver.behave(answer(429, { 'retry-after': '7' }));
    expect((await failure()).failure.retry_after_ms).toBe(7_000);
    receiver.behave(answer(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }));
    const { retry_after_ms } = (await failure()).failure;
    expect(retry_after_ms).toBeGreaterThan(50_000);
    expect(retry_after_ms).toBeLessThanOrEqual(60_000);
  });

  it('SEC-7.c does not follow redirects', async () => {
    const other = await startHttpReceiver();
    receiver.behave(answer(307, { location: other.url }));
    const { verdict, failure: cause } = await failure();
    expect([verdict, cause.error_class, cause.code]).toEqual(['not_sent_permanent', 'POLICY_REJECTED', 'http_307']);
    expect(other.received).toEqual([]);
    await other.close();
  });

  it('DEL-4.b takes what waits for a connection when the signal comes for not sent', async () => {
    receiver.behave(ignore);
    const under_way = [1, 2, 3, 4].map(() => send(AbortSignal.timeout(400)).catch((error: unknown) => error));
    const waiting: unknown = await send(AbortSignal.timeout(200)).catch((error: unknown) => error);
    expect(provider.classify(waiting).verdict).toBe('not_sent_retryable');
    for (const error of await Promise.all(under_way)) expect(provider.classify(error).verdict).toBe('ambiguous');
    expect(receiver.received).toHaveLength(4);
  });

  it('DEL-6.a knows endpoints of the configuration by name and takes no URL', () => {
    expect(provider.destinationOf('bot')?.name).toBe('webhook:bot');
    expect(provider.destinationOf(receiver.url)).toBeNull();
    expect(provider.destinationOf('__proto__')).toBeNull();
  });
});
