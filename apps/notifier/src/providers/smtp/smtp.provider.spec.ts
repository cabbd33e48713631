import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { USUAL_SECURITY } from '@assay/providers-file';
import type { SmtpSettings } from '@assay/providers-file';
import { errorChain, fixedSecret, Secret } from '@assay/security';
import type { SecretSource } from '@assay/security';
import { simpleParser } from 'mailparser';
import { aFinding, aValidatedReview } from '../../rendering/example-input.fixture.js';
import { renderingInput } from '../../rendering/index.js';
import { closedPort } from '../conformance/http-receiver.fixture.js';
import { startMailServer } from '../conformance/mail-server.fixture.js';
import type { MailBehaviour, MailServer, MailServerOptions } from '../conformance/mail-server.fixture.js';
import { providerConformance } from '../conformance/provider-suite.fixture.js';
import type { ProviderBehaviour } from '../conformance/provider-suite.fixture.js';
import { eventually, privateAuthority, selfSigned } from '@assay/testing';
import { trusting } from '../conformance/trusting.fixture.js';
import type { Classification, Receipt } from '../provider.js';
import { SmtpProvider } from './smtp.provider.js';

const LINKS = { job: 'https://assay.example/v1/reviews/1', findings: 'https://assay.example/v1/reviews/1/findings' };

const USER = 'assay';

function settings(port: number, different: Partial<SmtpSettings> = {}): SmtpSettings {
  return {
    host: '127.0.0.1',
    port,
    secure: false,
    require_tls: false,
    user: USER,
    password: fixedSecret('first'),
    from: 'Assay <assay@example.org>',
    message_id_domain: 'assay.example.org',
    max_connections: 2,
    rate_per_s: null,
    max_bytes: null,
    security: USUAL_SECURITY,
    ...different,
  };
}

/** Those that the mail server knows by another name. */
const BEHAVIOURS: Partial<Record<ProviderBehaviour, MailBehaviour>> = {
  refuse_everybody: 'refuse_sender',
  refuse_for_size: 'too_large',
};

providerConformance({
  name: 'SmtpProvider',
  clause: 'DEL-5.a',
  start: async ({ certificate, host = '127.0.0.1' } = {}) => {
    const server = await startMailServer({ user: USER, password: 'first', certificate, host });
    const behind_tls = await startMailServer({ user: USER, password: 'first', certificate: selfSigned() });
    const here = settings(server.port, { host, security: trusting(certificate) });
    const [provider, unreachable, untrusted] = [here, settings(await closedPort()), settings(behind_tls.port)].map(
      (smtp) => new SmtpProvider({ smtp, send_timeout_ms: 2_000 }),
    ) as [SmtpProvider, SmtpProvider, SmtpProvider];
    return {
      provider,
      unreachable,
      untrusted,
      address: 'dev@example.org',
      unknown_address: 'not an address',
      behave: (behaviour) => server.behave(BEHAVIOURS[behaviour] ?? (behaviour as MailBehaviour)),
      accepted: () =>
        server.accepted.map(({ raw }) => ({
          key: /^Message-ID:\s+<([0-9a-f]+)@/m.exec(raw.toString())?.[1] ?? '',
          bytes: raw.toString(),
        })),
      close: async () => {
        await Promise.all([provider, unreachable, untrusted].map((each) => each.close()));
        await Promise.all([server.close(), behind_tls.close()]);
      },
    };
  },
});

describe('SmtpProvider', () => {
  let server: MailServer;
  let provider: SmtpProvider;

  beforeEach(async () => {
    server = await startMailServer({ user: USER, password: 'first' });
    provider = new SmtpProvider({ smtp: settings(server.port), send_timeout_ms: 2_000 });
  });
  afterEach(async () => {
    await provider.close();
    await server.close();
  });

  function send(address = 'dev@example.org', review = aValidatedReview(), through = provider): Promise<Receipt> {
    return through.send({
      key: 'cd'.repeat(32),
      address,
      payload: provider.render(renderingInput(review, LINKS), 1),
      correlation_id: 'c',
      traceparent: null,
      signal: AbortSignal.timeout(5_000),
    });
  }
  const failure = async (address?: string): Promise<Classification> => {
    const error: unknown = await send(address).then(
      () => new Error('was accepted'),
      (thrown: unknown) => thrown,
    );
    return provider.classify(error);
  };
  const verdict = async (): Promise<unknown[]> => {
    const { verdict: said, failure: cause } = await failure();
    return [said, cause.error_class, cause.code];
  };
  /** Whom it concerns, whether it stays, and what is suspected, after each behaviour. */
  const blamed = async (...behaviours: MailBehaviour[]): Promise<unknown[]> => {
    const said: unknown[] = [];
    for (const behaviour of behaviours) {
      server.behave(behaviour);
      const { verdict: decided, failure: cause, concerns, stays } = await failure();
      said.push([behaviour, decided, cause.code, concerns, stays ?? false]);
    }
    return said;
  };
  const restart = async (options: MailServerOptions): Promise<void> => {
    await provider.close();
    await server.close();
    server = await startMailServer(options);
    provider = new SmtpProvider({ smtp: settings(server.port, { user: null }), send_timeout_ms: 2_000 });
  };

  it('DEL-7.a takes a 4xx for not sent, retryable, before DATA and as the answer to its end', async () => {
    server.behave('busy');
    expect(await verdict()).toEqual(['not_sent_retryable', 'DEPENDENCY_UNAVAILABLE', 'smtp_451']);
    server.behave('busy_at_the_end');
    expect(await verdict()).toEqual(['not_sent_retryable', 'DEPENDENCY_UNAVAILABLE', 'smtp_452']);
  });

  it('DEL-7.k takes refusals of the connection, HELO and MAIL FROM for those of the server, for good or not', async () => {
    expect(await blamed('refuse_connection', 'refuse_helo', 'busy_for_sender', 'refuse_sender')).toEqual([
      ['refuse_connection', 'not_sent_retryable', 'smtp_554', 'destination', true],
      ['refuse_helo', 'not_sent_retryable', 'smtp_500', 'destination', true],
      ['busy_for_sender', 'not_sent_retryable', 'smtp_451', 'destination', false],
      ['refuse_sender', 'not_sent_retryable', 'smtp_550', 'destination', true],
    ]);
  });

  it('DEL-7.l takes a refusal for the size at MAIL FROM for that of the mail', async () => {
    expect(await blamed('too_large', 'too_large_by_status')).toEqual([
      ['too_large', 'not_sent_permanent', 'smtp_message_too_large', 'recipient', false],
      ['too_large_by_status', 'not_sent_permanent', 'smtp_message_too_large', 'recipient', false],
    ]);
    await restart({ size: 500 });
    const { verdict: said, failure: cause, concerns } = await failure();
    expect([said, cause.error_class, cause.code, concerns]).toEqual([
      'not_sent_permanent',
      'POLICY_REJECTED',
      'smtp_message_too_large',
      'recipient',
    ]);
  });

  it('DEL-7.m takes what is answered to RCPT and DATA for the business of the recipient', async () => {
    expect(await blamed('busy', 'refuse_recipient', 'busy_at_the_end', 'refuse_content')).toEqual([
      ['busy', 'not_sent_retryable', 'smtp_451', 'recipient', false],
      ['refuse_recipient', 'not_sent_permanent', 'smtp_550', 'recipient', false],
      ['busy_at_the_end', 'not_sent_retryable', 'smtp_452', 'recipient', false],
      ['refuse_content', 'not_sent_permanent', 'smtp_554', 'recipient', false],
    ]);
  });

  it('DEL-7.n suspects the server of refusals by policy, and counts them by the domain of the recipient', async () => {
    const suspicions: unknown[] = [];
    for (const behaviour of ['refuse_by_policy', 'refuse_content', 'refuse_recipient', 'refuse_sender'] as const) {
      server.behave(behaviour);
      suspicions.push((await failure('dev@Bücher.example')).suspected);
    }
    const suspected = { of: 'destination', counted_by: 'xn--bcher-kva.example' };
    expect(suspicions).toEqual([suspected, suspected, undefined, undefined]);
  });

  it('DEL-7.o takes a 421 for the end of the connection, in whatever phase', async () => {
    for (const pipelining of [true, false]) {
      await restart({ pipelining });
      expect(await blamed('close_within_envelope', 'close_at_the_end')).toEqual([
        ['close_within_envelope', 'not_sent_retryable', 'smtp_421', 'destination', false],
        ['close_at_the_end', 'not_sent_retryable', 'smtp_421', 'destination', false],
      ]);
    }
  });

  it('DEL-7.p refuses a local part beyond ASCII before DATA where the server has no SMTPUTF8', async () => {
    await restart({ utf8: false });
    const { verdict: said, failure: cause, concerns } = await failure('jürgen@example.org');
    expect([said, cause.error_class, cause.code, concerns]).toEqual([
      'not_sent_permanent',
      'RECIPIENT_INVALID',
      'smtp_no_smtputf8',
      'recipient',
    ]);
    // A domain has a form in ASCII, which this server writes out again.
    await send('dev@Bücher.example');
    expect(server.accepted.map(({ recipients }) => recipients)).toEqual([['dev@bücher.example']]);
  });

  it('DEL-7.p sends to a local part beyond ASCII where the server has SMTPUTF8, and asks it once', async () => {
    await restart({ utf8: true });
    await send('jürgen@example.org');
    await send('jürgen@example.org');
    expect(server.accepted.map(({ recipients }) => recipients)).toEqual([
      ['jürgen@example.org'],
      ['jürgen@example.org'],
    ]);
    expect(server.connections).toBe(2);
  });

  it('DLQ-3.d keeps the reply, without the address that it repeats', async () => {
    server.behave('refuse_recipient');
    for (const address of ['dev@example.org', 'jürgen@example.org']) {
      const { answer } = await failure(address);
      expect(answer).toEqual({ status: 550, headers: {}, text: '550 5.1.1 <[redacted]> no such mailbox' });
    }
  });

  it('DLQ-3.c keeps the address out of the error and its causes, in whatever case the server repeats it', async () => {
    server.behave('refuse_recipient');
    for (const address of ['Maria.Schmidt@intranet', 'hans/mueller=vertrieb@example.org', 'jürgen@example.org']) {
      const said = errorChain((await failure(address)).failure);
      expect(said).toContain('no such mailbox');
      const [local] = address.split('@');
      expect(said.toLowerCase()).not.toContain(local!.toLowerCase());
    }
  });

  it('DEL-7.c takes a 5xx for permanent, and tells a bad recipient from a policy', async () => {
    server.behave('refuse_recipient');
    expect(await verdict()).toEqual(['not_sent_permanent', 'RECIPIENT_INVALID', 'smtp_550']);
    server.behave('refuse_by_policy');
    expect(await verdict()).toEqual(['not_sent_permanent', 'POLICY_REJECTED', 'smtp_550']);
    server.behave('refuse_content');
    expect(await verdict()).toEqual(['not_sent_permanent', 'POLICY_REJECTED', 'smtp_554']);
  });

  it('DEL-4.b takes a cut before DATA for not sent, and one after DATA for ambiguous', async () => {
    server.behave('cut_before_data');
    expect((await verdict())[0]).toBe('not_sent_retryable');
    expect(server.accepted).toEqual([]);
    server.behave('cut_after_accepting');
    expect(await verdict()).toEqual(['ambiguous', 'OUTCOME_UNKNOWN', 'smtp_after_data_econnection']);
    expect(server.accepted).toHaveLength(1);
  });

  it('DEL-4.b never lets the pool send again by itself what was cut after DATA on a reused connection', async () => {
    await send();
    server.behave('cut_after_accepting');
    expect((await verdict())[0]).toBe('ambiguous');
    server.behave('accept');
    await send();
    expect(server.accepted).toHaveLength(3);
  });

  it('DEL-4.b sends over a new connection when the reused one was gone before DATA', async () => {
    await send();
    server.cut();
    await send();
    expect(server.accepted).toHaveLength(2);
    expect(server.connections).toBe(2);
  });

  it('DEL-12.c keeps header injection out, whatever the changelist, the findings and the address hold', async () => {
    const evil = 'x\r\nBcc: victim@example.org\r\n\r\nforged body';
    const review = aValidatedReview({
      changelist_id: evil,
      result: { schema_version: '1.0', prompt_version: '1.0', findings: [aFinding({ title: evil, file: evil })] },
    });
    await send('dev@example.org', review);
    const [mail] = server.accepted;
    expect(mail!.recipients).toEqual(['dev@example.org']);
    const parsed = await simpleParser(mail!.raw);
    expect(parsed.bcc).toBeUndefined();
    expect([...parsed.headers.keys()].sort()).toEqual(
      [
        ...['auto-submitted', 'content-type', 'date', 'from', 'in-reply-to', 'message-id', 'mime-version'],
        ...['references', 'subject', 'to'],
      ].sort(),
    );
    expect(parsed.subject).toBe('[Assay] x Bcc: victim@example.org forged body v1: 1 finding (1 high)');
  });

  it('DEL-18.b makes a thread of the mails of one source and changelist, and of no others', async () => {
    const version = (review_version: number, over: object = {}) =>
      send('dev@example.org', aValidatedReview({ changelist_id: '4711', review_version, ...over }));
    await version(1);
    await version(2);
    await version(1, { source: 'another' });
    await version(1, { changelist_id: '4712' });
    const mails = await Promise.all(server.accepted.map(({ raw }) => simpleParser(raw)));
    const roots = mails.map(({ references, inReplyTo, messageId }) => {
      expect(references).toBe(inReplyTo);
      expect(references).not.toBe(messageId);
      return inReplyTo;
    });
    expect(roots[1]).toBe(roots[0]);
    expect(new Set(roots).size).toBe(3);
  });

  it('DEL-12.c refuses an address that is more than one address', () => {
    for (const address of [
      'a@example.org, b@example.org',
      'a@example.org\r\nRCPT TO:<b@example.org>',
      'a@example.org>\r\nDATA',
      'Name <a@example.org>',
      '"a b"@example.org',
      '@example.org',
      'a@',
      'a@-example.org',
      `${'a'.repeat(65)}@example.org`,
    ]) {
      expect(provider.destinationOf(address)).toBeNull();
    }
    expect(provider.destinationOf("o'neil+tag@sub.example.org")).not.toBeNull();
    expect(provider.destinationOf('jürgen@xn--mnchen-3ya.example')).not.toBeNull();
  });

  it('SEC-5.b uses a rotated password for the next mail', async () => {
    await provider.close();
    let value = 'first';
    const listeners: (() => void)[] = [];
    const password: SecretSource = {
      current: () => new Secret(value),
      onChange: (listener) => {
        listeners.push(listener);
        return () => undefined;
      },
      close: () => undefined,
    };
    provider = new SmtpProvider({ smtp: settings(server.port, { password }), send_timeout_ms: 2_000 });
    await send();
    const before = provider.destinationOf('dev@example.org')!.credentialFingerprint();
    server.password = value = 'second';
    listeners.forEach((listener) => listener());
    await send();
    expect(server.accepted).toHaveLength(2);
    expect(server.connections).toBe(2);
    expect(provider.destinationOf('dev@example.org')!.credentialFingerprint()).not.toBe(before);
  });

  it('SEC-5.b sends what was given to the old connections, though the password changes in the same moment', async () => {
    await provider.close();
    let changed = (): void => undefined;
    const password: SecretSource = {
      current: () => new Secret('first'),
      onChange: (listener) => ((changed = listener), () => undefined),
      close: () => undefined,
    };
    provider = new SmtpProvider({
      smtp: settings(server.port, { password, max_connections: 1 }),
      send_timeout_ms: 2_000,
    });
    await send();
    const waiting = [send(), send(), send()];
    changed();
    await Promise.all(waiting);
    expect(server.accepted).toHaveLength(4);
    await eventually(() => expect(server.openConnections).toBe(0));
  });

  describe('over TLS', () => {
    const authority = privateAuthority();
    const [shown, ours] = [authority.issue(), authority.issue('assay')];
    const trusting = { ca: fixedSecret(authority.ca), client_certificate: null };
    const known = { ...trusting, client_certificate: { cert: fixedSecret(ours.cert), key: fixedSecret(ours.key) } };
    const asking = { ...shown, requestCert: true, rejectUnauthorized: true, ca: authority.ca };

    /** What becomes of one mail, by each of the ways to speak TLS. */
    async function told(to: MailServerOptions, different: Partial<SmtpSettings>) {
      const results: unknown[] = [];
      for (const secure of [false, true]) {
        const tls = await startMailServer({ user: USER, password: 'first', ...to, implicit_tls: secure });
        const smtp = settings(tls.port, { secure, require_tls: !secure, ...different });
        const over_tls = new SmtpProvider({ smtp, send_timeout_ms: 2_000 });
        const error: unknown = await send('dev@example.org', aValidatedReview(), over_tls).then(
          () => null,
          (thrown: unknown) => thrown,
        );
        const said = error === null ? null : over_tls.classify(error);
        results.push(said ? [said.verdict, said.failure.code, said.stays] : tls.accepted.map((mail) => mail.secure));
        await over_tls.close();
        await tls.close();
      }
      return results;
    }

    it('DEL-16.a trusts the authority that the file names, by STARTTLS and from the first byte', async () => {
      expect(await told({ certificate: shown }, { security: trusting })).toEqual([[true], [true]]);
      const untrusted = ['not_sent_retryable', 'certificate_untrusted', true];
      expect(await told({ certificate: shown }, {})).toEqual([untrusted, untrusted]);
      const another = { ca: fixedSecret(privateAuthority('another').ca), client_certificate: null };
      expect(await told({ certificate: shown }, { security: another })).toEqual([untrusted, untrusted]);
    });

    it('DEL-16.a shows the client certificate that the file names, and sends nothing without it', async () => {
      expect(await told({ certificate: asking }, { security: known })).toEqual([[true], [true]]);
      for (const said of await told({ certificate: asking }, { security: trusting })) {
        expect(said).toEqual(['not_sent_retryable', expect.any(String), undefined]);
      }
    });

    it('DEL-16.a sends nothing in the clear where TLS is required and not offered', async () => {
      const plain = await startMailServer({ user: USER, password: 'first' });
      const smtp = settings(plain.port, { require_tls: true, security: trusting });
      const strict = new SmtpProvider({ smtp, send_timeout_ms: 2_000 });
      const error: unknown = await send('dev@example.org', aValidatedReview(), strict).catch(
        (thrown: unknown) => thrown,
      );
      expect([strict.classify(error).verdict, plain.accepted]).toEqual(['not_sent_retryable', []]);
      await strict.close();
      await plain.close();
    });

    it('DEL-16.a asks for SMTPUTF8 over the same TLS as it sends', async () => {
      const tls = await startMailServer({ user: USER, password: 'first', certificate: asking });
      const smtp = settings(tls.port, { require_tls: true, security: known });
      const over_tls = new SmtpProvider({ smtp, send_timeout_ms: 2_000 });
      await send('jürgen@example.org', aValidatedReview(), over_tls);
      expect(tls.accepted.map(({ secure }) => secure)).toEqual([true]);
      await over_tls.close();
      await tls.close();
    });
  });

  it('DEL-5.a shares its connections between mails', async () => {
    await Promise.all(Array.from({ length: 20 }, () => send()));
    expect(server.accepted).toHaveLength(20);
    expect(server.connections).toBeLessThanOrEqual(2);
  });
});
