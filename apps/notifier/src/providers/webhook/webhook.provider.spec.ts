import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { USUAL_SECURITY } from '@assay/providers-file';
import type { WebhookEndpoint } from '@assay/providers-file';
import { fixedSecret } from '@assay/security';
import type { SecretSource } from '@assay/security';
import { Webhook } from 'standardwebhooks';
import { aValidatedReview } from '../../rendering/example-input.fixture.js';
import { renderingInput } from '../../rendering/index.js';
import {
  answer,
  closedPort,
  cut,
  cutWithinBody,
  drip,
  flood,
  halfClose,
  ignore,
  renegotiate,
  startHttpReceiver,
} from '../conformance/http-receiver.fixture.js';
import type { HttpReceiver } from '../conformance/http-receiver.fixture.js';
import { PLANTED, providerConformance } from '../conformance/provider-suite.fixture.js';
import type { ProviderBehaviour } from '../conformance/provider-suite.fixture.js';
import { selfSigned } from '@assay/testing';
import { trusting } from '../conformance/trusting.fixture.js';
import { HttpSilence, retryAfterMs } from '../http/index.js';
import type { Classification, Receipt } from '../provider.js';
import { WebhookProvider } from './webhook.provider.js';

const LINKS = { job: 'https://assay.example/v1/reviews/1', findings: 'https://assay.example/v1/reviews/1/findings' };

const SECRETS = [1, 2].map(() => `whsec_${randomBytes(32).toString('base64')}`);
const KEY = 'ef'.repeat(32);

/** A secret that may change between two uses. */
function rotating(value: () => string): SecretSource {
  return { current: () => fixedSecret(value()).current(), onChange: () => () => undefined, close: () => undefined };
}

function providerFor(origin: string, different: Partial<WebhookEndpoint> = {}): WebhookProvider {
  const endpoint: WebhookEndpoint = {
    name: 'bot',
    url: new URL('/hook?team=a', origin),
    secrets: SECRETS.map((secret) => fixedSecret(secret)),
    concurrency: 4,
    rate_per_s: null,
    max_bytes: null,
    headers: {},
    secret_headers: {},
    bearer: null,
    security: USUAL_SECURITY,
    conflict_means_known: false,
    ...different,
  };
  return new WebhookProvider({ endpoints: [endpoint], send_timeout_ms: 2_000 });
}

const BEHAVIOURS: Record<ProviderBehaviour, ReturnType<typeof answer>> = {
  accept: answer(204),
  refuse_recipient: answer(410),
  refuse_at_length: answer(410, {}, `dev@example.org is gone, password=${PLANTED} ${'x '.repeat(2_500)}`),
  refuse_everybody: answer(404),
  refuse_by_policy: answer(403),
  refuse_for_size: answer(413),
  busy: answer(503),
  refuse_credential: answer(401),
  cut_after_accepting: cut,
  silent_after_accepting: ignore,
  slow_answer: drip(200),
  huge_answer: flood(200),
  half_closed: halfClose,
  renegotiate: renegotiate(204),
};
const TAKEN: ProviderBehaviour[] = [
  ...(['accept', 'cut_after_accepting', 'silent_after_accepting'] as const),
  ...(['slow_answer', 'huge_answer', 'half_closed', 'renegotiate'] as const),
];

providerConformance({
  name: 'WebhookProvider',
  clause: 'DEL-5.b',
  start: async ({ certificate, host } = {}) => {
    const receiver = await startHttpReceiver(certificate, host);
    const provider = providerFor(receiver.url, { security: trusting(certificate) });
    const behind_tls = await startHttpReceiver(selfSigned());
    const unreachable = providerFor(`http://127.0.0.1:${await closedPort()}`);
    const untrusted = providerFor(behind_tls.url);
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
      untrusted,
      address: 'bot',
      unknown_address: 'https://example.org/hook',
      behave: (next) => (behaviour = next),
      accepted: () => accepted,
      close: async () => {
        await Promise.all([provider, unreachable, untrusted].map((each) => each.close()));
        await Promise.all([receiver.close(), behind_tls.close()]);
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

  it('DEL-5.e, SEC-5.c verifies with every active secret, by an independent library, and with no other', async () => {
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

  it('OBS-1.c hands trace context and correlation id to the receiver', async () => {
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

  it('DEL-7.b takes 500, 502 and 504 for ambiguous', async () => {
    for (const status of [500, 502, 504]) {
      receiver.behave(answer(status));
      expect([(await failure()).verdict, status]).toEqual(['ambiguous', status]);
    }
  });

  it('DEL-7.c takes 400, 410 and other refusals for permanent', async () => {
    const said: unknown[] = [];
    for (const status of [400, 410, 422, 501]) {
      receiver.behave(answer(status));
      const { verdict, failure: cause, concerns } = await failure();
      said.push([status, verdict, cause.error_class, concerns]);
    }
    expect(said).toEqual([
      [400, 'not_sent_permanent', 'POLICY_REJECTED', 'recipient'],
      [410, 'not_sent_permanent', 'RECIPIENT_INVALID', 'recipient'],
      [422, 'not_sent_permanent', 'POLICY_REJECTED', 'recipient'],
      [501, 'not_sent_permanent', 'POLICY_REJECTED', 'recipient'],
    ]);
  });

  it('DEL-7.d blames the credential for a 401', async () => {
    receiver.behave(answer(401));
    const { verdict, concerns, suspected, failure: cause } = await failure();
    expect([verdict, concerns, suspected, cause.error_class]).toEqual([
      'not_sent_retryable',
      'credential',
      undefined,
      'AUTHENTICATION_FAILED',
    ]);
  });

  it('DEL-7.e takes 404 and every 3xx for faults of the destination that stay', async () => {
    for (const status of [404, 300, 301, 302, 303, 307, 308]) {
      receiver.behave(answer(status, { location: '/moved' }));
      const { verdict, failure: cause, concerns, stays } = await failure();
      expect([verdict, cause.retryable, cause.code, concerns, stays]).toEqual([
        'not_sent_retryable',
        true,
        `http_${status}`,
        'destination',
        true,
      ]);
    }
    expect(receiver.received.map(({ path }) => path)).toEqual(Array.from({ length: 7 }, () => '/hook?team=a'));
  });

  it('DEL-7.e names where a redirect leads, without what a URL keeps secrets in', async () => {
    receiver.behave(answer(301, { location: 'https://user:tangerine@new.example/hook?key=pear#plum' }));
    const { answer: said, failure: cause } = await failure();
    expect(said!.headers['location']).toBe('https://new.example/hook?[redacted]');
    expect(cause.message).toBe('the endpoint answered 301 and named https://new.example/hook?[redacted]');
    receiver.behave(answer(302, { location: '/sign-in' }));
    expect((await failure()).answer!.headers['location']).toBe(`${receiver.url}/sign-in`);
    receiver.behave(answer(302, { location: 'https://' }));
    expect((await failure()).answer!.headers['location']).toBe('[not a URL]');
  });

  it('DEL-7.f takes an expired certificate for a fault of the destination that stays', async () => {
    const expired = await startHttpReceiver(selfSigned({ from_days: -30, to_days: -1 }));
    const to = providerFor(expired.url);
    const { verdict, failure: cause, concerns, stays } = await failure(to);
    expect([verdict, cause.code, concerns, stays]).toEqual([
      'not_sent_retryable',
      'certificate_expired',
      'destination',
      true,
    ]);
    expect(expired.received).toEqual([]);
    await to.close();
    await expired.close();
  });

  it('DEL-7.f takes certificates and names for faults of the destination that stay, by all of the codes of node', () => {
    for (const [node_code, code] of [
      ['ENOTFOUND', 'name_not_found'],
      ['CERT_NOT_YET_VALID', 'certificate_not_yet_valid'],
      ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate_name'],
      ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate_untrusted'],
      ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate_untrusted'],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate_untrusted'],
      ['CERT_REVOKED', 'certificate_untrusted'],
    ]) {
      const said = provider.classify(new HttpSilence(false, node_code!, { cause: null }));
      expect([said.verdict, said.failure.code, said.concerns, said.stays]).toEqual([
        'not_sent_retryable',
        code,
        'destination',
        true,
      ]);
    }
    // Nobody could be asked, which says nothing about the name.
    expect(provider.classify(new HttpSilence(false, 'EAI_AGAIN', { cause: null })).stays).toBeUndefined();
  });

  it('DEL-7.g hands a 409 on as what the endpoint says that it means', async () => {
    receiver.behave(answer(409));
    const believing = providerFor(receiver.url, { conflict_means_known: true });
    for (const [to, believed] of [
      [provider, false],
      [believing, true],
    ] as const) {
      const { verdict, known, concerns, failure: cause } = await failure(to);
      expect([verdict, known, concerns, cause.retryable, cause.code]).toEqual([
        'known',
        { believed },
        'recipient',
        false,
        'http_409',
      ]);
    }
    await believing.close();
  });

  it('DEL-7.h takes a 403 for the business of the row, and suspects the credential', async () => {
    receiver.behave(answer(403));
    const { verdict, concerns, suspected, failure: cause } = await failure();
    expect([verdict, concerns, cause.retryable, cause.code]).toEqual([
      'not_sent_retryable',
      'recipient',
      true,
      'http_403',
    ]);
    expect(suspected).toEqual({ of: 'credential', counted_by: KEY });
  });

  it('DEL-7.i takes a 413 for permanent', async () => {
    receiver.behave(answer(413));
    const { verdict, concerns, failure: cause } = await failure();
    expect([verdict, concerns, cause.code]).toEqual(['not_sent_permanent', 'recipient', 'http_413']);
  });

  it('DEL-7.j tells by the status, and gives up the connection of a body that does not end', async () => {
    const narrow = providerFor(receiver.url, { concurrency: 2 });
    receiver.behave(drip(200));
    const receipts = await Promise.all([1, 2, 3, 4, 5].map(() => send(undefined, narrow)));
    expect(receipts).toHaveLength(5);
    expect(receiver.received).toHaveLength(5);
    receiver.behave(drip(503, { 'retry-after': '7' }));
    const { verdict, failure: cause, answer: said } = await failure(narrow);
    expect([verdict, cause.retry_after_ms, said!.status]).toEqual(['not_sent_retryable', 7_000, 503]);
    expect(said!.text).toMatch(/^\.+$/);
    await narrow.close();
  });

  it('DEL-7.j tells by the status where the body is cut or too long', async () => {
    receiver.behave(cutWithinBody(200));
    await send();
    receiver.behave(cutWithinBody(410));
    expect(await failure()).toMatchObject({ verdict: 'not_sent_permanent', answer: { status: 410, text: 'half of' } });
    receiver.behave(answer(410, {}, 'x '.repeat(500_000)));
    expect((await failure()).answer!.text).toHaveLength(1_024);
  });

  it('DEL-7.j gives up the connection of a body that is too long', async () => {
    const single = providerFor(receiver.url, { concurrency: 1 });
    receiver.behave(answer(200, {}, 'x'.repeat(1_000_000)));
    await send(undefined, single);
    await send(undefined, single);
    expect(receiver.connections).toBe(2);
    await single.close();
  });

  it('DEL-5.b keeps the connection where the body is short', async () => {
    const single = providerFor(receiver.url, { concurrency: 1 });
    receiver.behave(answer(200, {}, '{"ok":true}'));
    for (let count = 0; count < 5; count += 1) await send(undefined, single);
    receiver.behave(answer(503, {}, 'later'));
    for (let count = 0; count < 5; count += 1) await failure(single);
    expect(receiver.connections).toBe(1);
    await single.close();
  });

  it('DLQ-3.d keeps the headers that say what to do, and no control characters', async () => {
    const headers = { 'x-request-id': 'r-1', 'content-type': 'text/plain', 'set-cookie': 'a=b', 'retry-after': '5' };
    receiver.behave(answer(503, headers, 'a\u0000b\r\nc'));
    expect((await failure()).answer).toEqual({
      status: 503,
      headers: { 'x-request-id': 'r-1', 'content-type': 'text/plain', 'retry-after': '5' },
      text: 'a\ufffdb\nc',
    });
  });

  it('DEL-8.b reads Retry-After as seconds and as a date', async () => {
    receiver.behave(answer(429, { 'retry-after': '7' }));
    expect((await failure()).failure.retry_after_ms).toBe(7_000);
    receiver.behave(answer(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }));
    const { retry_after_ms } = (await failure()).failure;
    expect(retry_after_ms).toBeGreaterThan(50_000);
    expect(retry_after_ms).toBeLessThanOrEqual(60_000);
  });

  it('DEL-8.b reads a Retry-After that is far off as a finite number', () => {
    const now = Date.parse('2026-11-25T00:00:00Z');
    expect(['43200', '172800'].map((header) => retryAfterMs(header, now))).toEqual([43_200_000, 172_800_000]);
    expect(retryAfterMs('Thu, 31 Dec 2099 23:59:59 GMT', now)).toBe(Date.parse('2099-12-31T23:59:59Z') - now);
    for (const header of ['99999999999999', '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT']) {
      const ms = retryAfterMs(header, now)!;
      expect([Number.isSafeInteger(ms), ms > 1e12]).toEqual([true, true]);
    }
  });

  it('DEL-16.a trusts the authority that the endpoint names, and shows the certificate that it names', async () => {
    const [server, client] = [selfSigned(), selfSigned()];
    const asking = { ...server, requestCert: true, rejectUnauthorized: true, ca: client.cert };
    const behind_tls = await startHttpReceiver(asking);
    const source = (text: string) => fixedSecret(text);
    const [ca, client_certificate] = [source(server.cert), { cert: source(client.cert), key: source(client.key) }];
    const known = providerFor(behind_tls.url, { security: { ca, client_certificate } });
    const nobody = providerFor(behind_tls.url, { security: { ca, client_certificate: null } });
    const distrusting = providerFor(behind_tls.url, { security: { ca: null, client_certificate } });
    await send(undefined, known);
    expect(behind_tls.received).toHaveLength(1);
    expect((await failure(nobody)).failure.message).not.toBe('was accepted');
    expect((await failure(distrusting)).failure.code).toBe('certificate_untrusted');
    expect(behind_tls.received).toHaveLength(1);
    await Promise.all([known, nobody, distrusting].map((each) => each.close()));
    await behind_tls.close();
  });

  it('DEL-16.a reads the authority and the certificate anew for each connection', async () => {
    const [server, client, another] = [selfSigned(), selfSigned(), selfSigned()];
    const asking = { ...server, requestCert: true, rejectUnauthorized: true, ca: client.cert };
    const behind_tls = await startHttpReceiver(asking);
    const held = { ca: another.cert, ...another };
    const client_certificate = { cert: rotating(() => held.cert), key: rotating(() => held.key) };
    const to = providerFor(behind_tls.url, { security: { ca: rotating(() => held.ca), client_certificate } });
    expect((await failure(to)).failure.code).toBe('certificate_untrusted');
    held.ca = server.cert;
    expect((await failure(to)).failure.message).not.toBe('was accepted');
    expect(behind_tls.received).toEqual([]);
    Object.assign(held, client);
    await send(undefined, to);
    expect(behind_tls.received).toHaveLength(1);
    await to.close();
    await behind_tls.close();
  });

  it('DEL-16.a sends the headers and the token of the endpoint, and has a new fingerprint with a new token', async () => {
    let [token, key] = ['tangerine', 'pear'];
    const to = providerFor(receiver.url, {
      headers: { 'x-team': 'a' },
      secret_headers: { 'x-key': rotating(() => key) },
      bearer: rotating(() => token),
    });
    const fingerprint = () => to.destinationOf('bot')!.credentialFingerprint();
    const before = fingerprint();
    await send(undefined, to);
    token = 'plum';
    const between = fingerprint();
    await send(undefined, to);
    key = 'quince';
    await send(undefined, to);
    const told = receiver.received.map(({ headers }) => [headers['x-team'], headers['x-key'], headers.authorization]);
    expect(told).toEqual([
      ['a', 'pear', 'Bearer tangerine'],
      ['a', 'pear', 'Bearer plum'],
      ['a', 'quince', 'Bearer plum'],
    ]);
    expect(new Set([before, between, fingerprint()]).size).toBe(3);
    await to.close();
  });

  it('SEC-7.e does not follow redirects', async () => {
    const other = await startHttpReceiver();
    receiver.behave(answer(307, { location: other.url }));
    const { verdict, failure: cause } = await failure();
    expect([verdict, cause.code]).toEqual(['not_sent_retryable', 'http_307']);
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

  it('DEL-6.a, SEC-7.c knows endpoints of the configuration by name and takes no URL', () => {
    expect(provider.destinationOf('bot')?.name).toBe('webhook:bot');
    expect(provider.destinationOf(receiver.url)).toBeNull();
    expect(provider.destinationOf('__proto__')).toBeNull();
  });
});
