import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAIL_SERVICES, USUAL_SECURITY } from '@assay/providers-file';
import type { MailApiService } from '@assay/providers-file';
import { fixedSecret } from '@assay/security';
import { aValidatedReview } from '../../rendering/example-input.fixture.js';
import { RENDER_VERSION, renderingInput } from '../../rendering/index.js';
import type { MailPayload } from '../../rendering/index.js';
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
import { MAIL_API_TOKEN, startMailApiServer } from '../conformance/mail-api-server.fixture.js';
import type { MailService } from '../conformance/mail-api-server.fixture.js';
import { PLANTED, providerConformance } from '../conformance/provider-suite.fixture.js';
import type { ProviderBehaviour } from '../conformance/provider-suite.fixture.js';
import { privateAuthority, selfSigned } from '@assay/testing';
import { trusting } from '../conformance/trusting.fixture.js';
import { MailApiProvider } from './mail-api.provider.js';

const KEY = 'ab'.repeat(32);

function providerFor(service: string, url: string, different: Partial<MailApiService> = {}): MailApiProvider {
  const settings: MailApiService = {
    name: service,
    url: new URL(url),
    token: fixedSecret(MAIL_API_TOKEN),
    from: 'Assay <assay@example.org>',
    domain: 'example.org',
    concurrency: 4,
    rate_per_s: null,
    max_bytes: null,
    security: USUAL_SECURITY,
    conflict_means_known: false,
    mapping: MAIL_SERVICES[service]!.mapping,
    ...different,
  };
  return new MailApiProvider({ service: settings, send_timeout_ms: 2_000 });
}

const AT_LENGTH = `dev@example.org is gone, password=${PLANTED} ${'x '.repeat(2_500)}`;
const REFUSALS: Partial<Record<ProviderBehaviour, ReturnType<typeof answer>>> = {
  refuse_recipient: answer(410),
  refuse_at_length: answer(410, {}, AT_LENGTH),
  refuse_everybody: answer(404),
  refuse_by_policy: answer(403),
  refuse_for_size: answer(413),
  busy: answer(429, { 'retry-after': '1' }),
  refuse_credential: answer(401),
};
const AFTERWARDS: Partial<Record<ProviderBehaviour, ReturnType<typeof answer>>> = {
  cut_after_accepting: cut,
  silent_after_accepting: ignore,
  slow_answer: drip(200),
  huge_answer: flood(200),
  half_closed: halfClose,
  renegotiate: renegotiate(200),
};

for (const service of ['resend', 'postmark', 'mailgun', 'sendgrid'] satisfies MailService[]) {
  providerConformance({
    name: `MailApiProvider as ${service}`,
    clause: 'DEL-5.c',
    start: async ({ certificate, host } = {}) => {
      const server = await startMailApiServer({ service, certificate, host });
      const behind_tls = await startMailApiServer({ service, certificate: selfSigned() });
      const provider = providerFor(service, server.url, { security: trusting(certificate) });
      const unreachable = providerFor(service, `http://127.0.0.1:${await closedPort()}`);
      const untrusted = providerFor(service, behind_tls.url);
      return {
        provider,
        unreachable,
        untrusted,
        address: 'dev@example.org',
        unknown_address: 'nobody',
        behave: (next) => {
          server.refuse(REFUSALS[next] ?? null);
          server.afterwards(AFTERWARDS[next] ?? null);
        },
        accepted: () => server.taken.map(({ key, body }) => ({ key, bytes: body })),
        close: async () => {
          await Promise.all([provider, unreachable, untrusted].map((each) => each.close()));
          await Promise.all([server.close(), behind_tls.close()]);
        },
      };
    },
  });
}

interface Said {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  text?: string;
}
interface ServiceExamples {
  message: { from: string; to: string } & Omit<MailPayload, 'hash' | 'date' | 'thread_id' | 'bytes'>;
  request: {
    method: string;
    path: string;
    headers: Record<string, string>;
    body?: unknown;
    form?: Record<string, string>;
  };
  sent: Said & { notification_id: string };
  refusals: (Said & { verdict: string; concerns: string; code: string; retry_after_ms?: number })[];
  lookups: (Said & { path: string; notification_id?: string; found: string | null })[];
}

const examplesOf = (service: string): ServiceExamples =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', `${service}.json`), 'utf8')) as ServiceExamples;
const saying = ({ status, headers, body, text }: Said) => answer(status, headers, text ?? JSON.stringify(body));

describe.each(Object.keys(MAIL_SERVICES))('MailApiProvider, by the documentation of %s', (service) => {
  const { message, request, sent, refusals, lookups } = examplesOf(service);
  let receiver: HttpReceiver;
  let provider: MailApiProvider;
  beforeEach(async () => {
    receiver = await startHttpReceiver();
    provider = providerFor(service, receiver.url, { token: fixedSecret('TOKEN') });
  });
  afterEach(async () => {
    await provider.close();
    await receiver.close();
  });

  const send = () => {
    const payload: MailPayload = { ...message, date: '2026-11-30T10:00:00.000Z', thread_id: 't', hash: 'h', bytes: 2 };
    const signal = AbortSignal.timeout(5_000);
    return provider.send({ key: KEY, address: message.to, payload, correlation_id: 'c', traceparent: null, signal });
  };

  it('DEL-5.f sends what is documented, and reads the id where it stands', async () => {
    receiver.behave(saying(sent));
    expect(await send()).toEqual({ notification_id: sent.notification_id });
    const [received] = receiver.received;
    expect([received!.path, received!.headers]).toEqual([request.path, expect.objectContaining(request.headers)]);
    const body = received!.body.toString();
    if (request.form) expect(Object.fromEntries(new URLSearchParams(body))).toEqual(request.form);
    else expect(JSON.parse(body)).toEqual(request.body);
  });

  it('DEL-5.f tells by the documented answers whose fault a refusal is', async () => {
    const said: unknown[] = [];
    for (const refusal of refusals) {
      receiver.behave(saying(refusal));
      const error: unknown = await send().catch((thrown: unknown) => thrown);
      const { verdict, concerns, failure } = provider.classify(error);
      said.push([verdict, concerns, failure.code, failure.retry_after_ms]);
    }
    expect(said).toEqual(refusals.map((each) => [each.verdict, each.concerns, each.code, each.retry_after_ms]));
  });

  it('DEL-5.f asks by key and by id as documented', async () => {
    for (const { path, notification_id = null, found, ...said } of lookups) {
      receiver.behave(saying(said));
      const receipt = await provider.lookup!(KEY, message.to, AbortSignal.timeout(5_000), notification_id);
      expect([receiver.received.at(-1)!.path, receipt]).toEqual([
        path,
        found === null ? null : { notification_id: found },
      ]);
    }
    expect(provider.lookup === undefined).toBe(lookups.length === 0);
  });
});

/** The headers of a mail, as each service is given them. */
const HEADERS_OF: Record<string, (body: string) => Record<string, string>> = {
  mailgun: (body) =>
    Object.fromEntries([...new URLSearchParams(body)].map(([name, value]) => [name.replace(/^h:/, ''), value])),
  postmark: (body) =>
    Object.fromEntries(
      (JSON.parse(body) as { Headers: Record<'Name' | 'Value', string>[] }).Headers.map(({ Name, Value }) => [
        Name,
        Value,
      ]),
    ),
  resend: (body) => (JSON.parse(body) as { headers: Record<string, string> }).headers,
  sendgrid: (body) => (JSON.parse(body) as { headers: Record<string, string> }).headers,
};

describe.each(Object.keys(MAIL_SERVICES))('threads through %s', (service) => {
  it('are of the mails of one source and changelist, and of no others', async () => {
    const server = await startMailApiServer({ service: service as MailService });
    const provider = providerFor(service, server.url);
    const links = { job: 'https://assay.example/job', findings: 'https://assay.example/findings' };
    for (const [n, over] of [
      { changelist_id: '4711' },
      { changelist_id: '4711', review_version: 2 },
      { changelist_id: '4711', source: 'another' },
      { changelist_id: '4712' },
    ].entries()) {
      const payload = provider.render(renderingInput(aValidatedReview(over), links), RENDER_VERSION);
      const signal = AbortSignal.timeout(5_000);
      const request = { address: 'a@b.c', payload, correlation_id: 'c', traceparent: null, signal };
      await provider.send({ key: String(n).repeat(64), ...request });
    }
    const headers = server.mails.map(({ body }) => HEADERS_OF[service]!(body));
    const roots = headers.map((each) => each['References']);
    for (const root of roots) expect(root).toMatch(/^<[0-9a-f]{64}@example\.org>$/);
    expect(headers.map((each) => each['In-Reply-To'])).toEqual(roots);
    expect(roots[1]).toBe(roots[0]);
    expect(new Set(roots).size).toBe(3);
    await provider.close();
    await server.close();
  });
});

describe('MailApiProvider', () => {
  it('DEL-3.d never takes an answer that it cannot read for "no such message"', async () => {
    const receiver = await startHttpReceiver();
    const provider = providerFor('postmark', receiver.url);
    for (const behaviour of [
      answer(200, {}, '<html>welcome to the hotel</html>'),
      cutWithinBody(200),
      answer(200, {}, `{"Messages":[${'1,'.repeat(400_000)}1]}`),
      answer(404),
      answer(500),
      answer(401),
      cut,
    ]) {
      receiver.behave(behaviour);
      await expect(provider.lookup!(KEY, '', AbortSignal.timeout(3_000), null)).rejects.toThrow();
    }
    await provider.close();
    await receiver.close();
  });

  it('DEL-5.c keeps a mail that was accepted, though its id cannot be read', async () => {
    const receiver = await startHttpReceiver();
    const provider = providerFor('resend', receiver.url);
    const payload = { subject: 's', text: 't', html: 'h', date: '', thread_id: 't', hash: '', bytes: 2 };
    for (const behaviour of [cutWithinBody(200), answer(200, {}, '{"id":7}'), answer(200, {}, '[]'), answer(202)]) {
      receiver.behave(behaviour);
      const signal = AbortSignal.timeout(5_000);
      const request = { key: KEY, address: 'a@b.c', payload, correlation_id: 'c', traceparent: null, signal };
      expect((await provider.send(request)).notification_id).toMatch(/^(7|(ab)+)$/);
    }
    await provider.close();
    await receiver.close();
  });

  it('DEL-5.c sends a second mail for none under a key that the service remembers, and refuses another body', async () => {
    const server = await startMailApiServer({ service: 'resend' });
    const provider = providerFor('resend', server.url);
    const send = (subject: string) => {
      const payload = { subject, text: 't', html: 'h', date: '', thread_id: 't', hash: '', bytes: 2 };
      const signal = AbortSignal.timeout(5_000);
      return provider.send({ key: KEY, address: 'a@b.c', payload, correlation_id: 'c', traceparent: null, signal });
    };
    const first = await send('s');
    expect(await send('s')).toEqual(first);
    expect(server.mails).toHaveLength(1);
    const refused = provider.classify(await send('another').catch((error: unknown) => error));
    expect([refused.verdict, refused.known]).toEqual(['known', { believed: false }]);
    await provider.close();
    await server.close();
  });

  it('DEL-16.a trusts the authority that the service names, and shows the certificate that it names', async () => {
    const authority = privateAuthority();
    const ours = authority.issue('assay');
    const asking = { ...authority.issue(), requestCert: true, rejectUnauthorized: true, ca: authority.ca };
    const server = await startMailApiServer({ service: 'postmark', certificate: asking });
    const client_certificate = { cert: fixedSecret(ours.cert), key: fixedSecret(ours.key) };
    const ca = fixedSecret(authority.ca);
    const payload = { subject: 's', text: 't', html: 'h', date: '', thread_id: 't', hash: '', bytes: 2 };
    const results: unknown[] = [];
    for (const security of [
      { ca, client_certificate },
      { ca, client_certificate: null },
      { ca: null, client_certificate },
    ]) {
      const provider = providerFor('postmark', server.url, { security });
      const signal = AbortSignal.timeout(5_000);
      const request = { key: KEY, address: 'a@b.c', payload, correlation_id: 'c', traceparent: null, signal };
      const said = await provider.send(request).then(
        () => null,
        (error: unknown) => provider.classify(error),
      );
      results.push(said && [said.verdict, said.failure.code]);
      if (said === null) expect(await provider.lookup!(KEY, 'a@b.c', signal, null)).not.toBeNull();
      await provider.close();
    }
    // With TLS 1.3 the request may be on its way before the certificate is missed: who cuts it off may have read it.
    expect(results).toEqual([
      null,
      [expect.stringMatching(/^ambiguous|^not_sent_retryable/), expect.any(String)],
      ['not_sent_retryable', 'certificate_untrusted'],
    ]);
    expect(server.mails).toHaveLength(1);
    await server.close();
  });

  it('DEL-12.c puts text from outside into texts alone', async () => {
    const server = await startMailApiServer({ service: 'mailgun' });
    const provider = providerFor('mailgun', server.url);
    const subject = 'a&to=evil@example.com&v:x={key}\r\nBcc: evil@example.com{html}"}]';
    const payload = { subject, text: 't', html: 'h', date: '', thread_id: 't', hash: '', bytes: 2 };
    const signal = AbortSignal.timeout(5_000);
    await provider.send({ key: KEY, address: 'a@b.c', payload, correlation_id: 'c', traceparent: null, signal });
    const form = new URLSearchParams(server.mails[0]!.body);
    expect([form.getAll('to'), form.get('subject'), form.has('v:x')]).toEqual([['a@b.c'], subject, false]);
    await provider.close();
    await server.close();
  });
});
