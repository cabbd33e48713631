import { afterEach, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import * as dns from 'node:dns';
import type { HttpReceiver } from '../conformance/http-receiver.fixture.js';

/** No resolver that a test may rely on leads to a metadata service: this one answers as it is told. */
let resolved = '127.0.0.1';
jest.unstable_mockModule('node:dns', () => ({
  ...dns,
  lookup: (_name: string, _options: object, callback: (error: null, found: object[]) => void) =>
    callback(null, [{ address: resolved, family: 4 }]),
}));
const { fixedSecret } = await import('@assay/security');
const { answer, startHttpReceiver } = await import('../conformance/http-receiver.fixture.js');
const { WebhookProvider } = await import('./webhook.provider.js');

let receiver: HttpReceiver;
afterEach(() => receiver.close());

it('SEC-7.f judges what a name leads to at each connection, not once', async () => {
  receiver = await startHttpReceiver();
  receiver.behave(answer(204, { connection: 'close' }));
  const { port } = new URL(receiver.url);
  const url = new URL(`http://hooks.example.org:${port}/`);
  const endpoint = { name: 'bot', url, secrets: [fixedSecret(`whsec_${randomBytes(32).toString('base64')}`)] };
  const provider = new WebhookProvider({
    endpoints: [
      {
        ...endpoint,
        concurrency: 1,
        rate_per_s: null,
        max_bytes: null,
        headers: {},
        secret_headers: {},
        bearer: null,
        security: { ca: null, client_certificate: null },
        conflict_means_known: false,
      },
    ],
    send_timeout_ms: 2_000,
  });
  const send = () =>
    provider.send({
      ...{ key: 'k', address: 'bot', payload: { body: '{}' } as never, correlation_id: 'c', traceparent: null },
      signal: AbortSignal.timeout(2_000),
    });
  await send();
  resolved = '169.254.169.254';
  const refused: unknown = await send().catch((error: unknown) => error);
  const { verdict, failure } = provider.classify(refused);
  expect([verdict, failure.code]).toEqual(['not_sent_permanent', 'forbidden_address']);
  expect(receiver.received).toHaveLength(1);
  await provider.close();
});
