import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fixedSecret, Secret } from '@assay/security';
import type { SecretSource } from '@assay/security';
import { simpleParser } from 'mailparser';
import { aFinding, aValidatedReview } from '../../rendering/example-input.fixture.js';
import { renderingInput } from '../../rendering/index.js';
import { closedPort } from '../conformance/http-receiver.fixture.js';
import { startMailServer } from '../conformance/mail-server.fixture.js';
import type { MailServer } from '../conformance/mail-server.fixture.js';
import { providerConformance } from '../conformance/provider-suite.fixture.js';
import type { Receipt } from '../provider.js';
import { SmtpProvider } from './smtp.provider.js';
import type { SmtpSettings } from './smtp.settings.js';

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
    ...different,
  };
}

providerConformance({
  name: 'SmtpProvider',
  clause: 'DEL-5.a',
  start: async () => {
    const server = await startMailServer({ user: USER, password: 'first' });
    const provider = new SmtpProvider({ smtp: settings(server.port), send_timeout_ms: 2_000 });
    const unreachable = new SmtpProvider({ smtp: settings(await closedPort()), send_timeout_ms: 2_000 });
    return {
      provider,
      unreachable,
      address: 'dev@example.org',
      unknown_address: 'not an address',
      behave: (behaviour) => server.behave(behaviour),
      accepted: () =>
        server.accepted.map(({ raw }) => ({
          key: /^Message-ID:\s+<([0-9a-f]+)@/m.exec(raw.toString())?.[1] ?? '',
          bytes: raw.toString(),
        })),
      close: async () => {
        await Promise.all([provider.close(), unreachable.close()]);
        await server.close();
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

  function send(address = 'dev@example.org', review = aValidatedReview()): Promise<Receipt> {
    return provider.send({
      key: 'cd'.repeat(32),
      address,
      payload: provider.render(renderingInput(review, LINKS), 1),
      correlation_id: 'c',
      traceparent: null,
      signal: AbortSignal.timeout(5_000),
    });
  }
  const verdict = async (): Promise<unknown[]> => {
    const error: unknown = await send().catch((thrown: unknown) => thrown);
    const { verdict: said, failure } = provider.classify(error);
    return [said, failure.error_class, failure.code];
  };

  it('DEL-7.a takes a 4xx for not sent, retryable, before DATA and as the answer to its end', async () => {
    server.behave('busy');
    expect(await verdict()).toEqual(['not_sent_retryable', 'DEPENDENCY_UNAVAILABLE', 'smtp_451']);
    server.behave('busy_at_the_end');
    expect(await verdict()).toEqual(['not_sent_retryable', 'DEPENDENCY_UNAVAILABLE', 'smtp_452']);
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
      ['auto-submitted', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'].sort(),
    );
    expect(parsed.subject).toBe('[Assay] x Bcc: victim@example.org forged body v1: 1 finding (1 high)');
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

  it('DEL-5.a shares its connections between mails', async () => {
    await Promise.all(Array.from({ length: 20 }, () => send()));
    expect(server.accepted).toHaveLength(20);
    expect(server.connections).toBeLessThanOrEqual(2);
  });
});
