import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import * as dns from 'node:dns';
import type { MailServer } from '../conformance/mail-server.fixture.js';

/** No resolver that a test may rely on leads to a metadata service: this one answers as it is told. */
let resolved = '127.0.0.1';
jest.unstable_mockModule('node:dns', () => ({
  ...dns,
  lookup: (_name: string, _options: object, callback: (error: null, found: object[]) => void) =>
    callback(null, [{ address: resolved, family: resolved.includes(':') ? 6 : 4 }]),
}));
const { USUAL_SECURITY } = await import('@assay/providers-file');
const { startMailServer } = await import('../conformance/mail-server.fixture.js');
const { aValidatedReview } = await import('../../rendering/example-input.fixture.js');
const { renderingInput } = await import('../../rendering/index.js');
const { SmtpProvider } = await import('./smtp.provider.js');

const LINKS = { job: 'https://assay.example/v1/reviews/1', findings: 'https://assay.example/v1/reviews/1/findings' };

let server: MailServer;
beforeEach(async () => (server = await startMailServer({})));
afterEach(() => server.close());

function providerFor(host: string) {
  const limits = { max_connections: 1, rate_per_s: null, max_bytes: null };
  const smtp = { host, port: server.port, secure: false, require_tls: false, user: null, password: null };
  const names = { from: 'assay@example.org', message_id_domain: 'assay.example.org' };
  return new SmtpProvider({ smtp: { ...smtp, ...names, ...limits, security: USUAL_SECURITY }, send_timeout_ms: 2_000 });
}

async function send(through: ReturnType<typeof providerFor>, address: string): Promise<unknown> {
  const payload = through.render(renderingInput(aValidatedReview(), LINKS), 1);
  const request = { key: 'a'.repeat(32), address, payload, correlation_id: 'c', traceparent: null };
  return through.send({ ...request, signal: AbortSignal.timeout(5_000) } as never);
}

it('SEC-9.b judges where a mail server is at each connection, after its name is resolved', async () => {
  resolved = '127.0.0.1';
  const through = providerFor('mail.example.org');
  await send(through, 'dev@example.org');
  await through.close();
  const again = providerFor('mail.example.org');
  for (const address of ['169.254.169.254', 'fd20:ce::254', '64:ff9b::a9fe:a9fe']) {
    resolved = address;
    // The second asks first whether the server takes addresses beyond ASCII.
    for (const recipient of ['dev@example.org', 'jürgen@example.org']) {
      const refused: unknown = await send(again, recipient).catch((error: unknown) => error);
      const { verdict, concerns, failure, stays } = again.classify(refused);
      expect([verdict, concerns, failure.code, stays]).toEqual([
        ...['not_sent_retryable', 'destination', 'forbidden_address', true],
      ]);
    }
  }
  resolved = '127.0.0.1';
  await send(again, 'dev@example.org');
  await again.close();
  expect(server.accepted).toHaveLength(2);
});

it('SEC-9.b connects to no mail server that is given by such an address', async () => {
  const through = providerFor('169.254.169.254');
  const refused: unknown = await send(through, 'dev@example.org').catch((error: unknown) => error);
  expect(through.classify(refused).failure.code).toBe('forbidden_address');
  await through.close();
});
