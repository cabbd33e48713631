import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { USUAL_SECURITY } from '@assay/providers-file';
import type { ConnectionSecurity } from '@assay/providers-file';
import { fixedSecret } from '@assay/security';
import { aValidatedReview } from '../../rendering/example-input.fixture.js';
import { renderingInput } from '../../rendering/index.js';
import {
  answer,
  closedPort,
  cut,
  drip,
  flood,
  halfClose,
  ignore,
  renegotiate,
} from '../conformance/http-receiver.fixture.js';
import { PLANTED, providerConformance } from '../conformance/provider-suite.fixture.js';
import type { ProviderBehaviour } from '../conformance/provider-suite.fixture.js';
import { privateAuthority, selfSigned } from '@assay/testing';
import { trusting } from '../conformance/trusting.fixture.js';
import { SLACK_PATH, startSlackServer } from '../conformance/slack-server.fixture.js';
import type { SlackServer } from '../conformance/slack-server.fixture.js';
import type { Classification } from '../provider.js';
import { SlackProvider } from './slack.provider.js';

const KEY = 'ab'.repeat(32);

function providerFor(url: string, security: ConnectionSecurity = USUAL_SECURITY): SlackProvider {
  const hook = { name: 'reviews', url: fixedSecret(url), concurrency: 4, rate_per_s: 1, security };
  return new SlackProvider({ hooks: [hook], send_timeout_ms: 2_000 });
}

const REFUSALS: Partial<Record<ProviderBehaviour, ReturnType<typeof answer>>> = {
  refuse_recipient: answer(410, {}, 'channel_is_archived'),
  refuse_at_length: answer(410, {}, `dev@example.org is gone, password=${PLANTED} ${'x '.repeat(2_500)}`),
  refuse_everybody: answer(403, {}, 'action_prohibited'),
  refuse_by_policy: answer(403),
  refuse_for_size: answer(400, {}, 'msg_blocks_too_long'),
  busy: answer(429, { 'retry-after': '3' }, 'rate_limited'),
  refuse_credential: answer(404, {}, 'no_service'),
};
const AFTERWARDS: Partial<Record<ProviderBehaviour, ReturnType<typeof answer>>> = {
  cut_after_accepting: cut,
  silent_after_accepting: ignore,
  slow_answer: drip(200),
  huge_answer: flood(200),
  half_closed: halfClose,
  renegotiate: renegotiate(200),
};

providerConformance({
  name: 'SlackProvider',
  clause: 'DEL-5.d',
  start: async ({ certificate, host } = {}) => {
    const slack = await startSlackServer({ certificate, host });
    const behind_tls = await startSlackServer({ certificate: selfSigned() });
    const provider = providerFor(slack.hook_url, trusting(certificate));
    const unreachable = providerFor(`http://127.0.0.1:${await closedPort()}${SLACK_PATH}`);
    const untrusted = providerFor(behind_tls.hook_url);
    return {
      provider,
      unreachable,
      untrusted,
      address: 'reviews',
      unknown_address: slack.hook_url,
      behave: (next) => {
        slack.refuse(REFUSALS[next] ?? null);
        slack.afterwards(AFTERWARDS[next] ?? null);
      },
      // There is no key on the wire: that is why it holds.
      accepted: () => slack.posted.map(({ raw }) => ({ key: KEY, bytes: raw.toString() })),
      close: async () => {
        await Promise.all([provider, unreachable, untrusted].map((each) => each.close()));
        await Promise.all([slack.close(), behind_tls.close()]);
      },
    };
  },
});

describe('SlackProvider', () => {
  let slack: SlackServer;
  let provider: SlackProvider;
  beforeEach(async () => {
    slack = await startSlackServer();
    provider = providerFor(slack.hook_url);
  });
  afterEach(async () => {
    await provider.close();
    await slack.close();
  });

  async function failure(to = provider): Promise<Classification> {
    const payload = to.render(renderingInput(aValidatedReview(), { job: 'https://a/1', findings: 'https://a/2' }), 1);
    const signal = AbortSignal.timeout(5_000);
    const request = { key: KEY, address: 'reviews', payload, correlation_id: 'c', traceparent: null, signal };
    const error: unknown = await to.send(request).then(
      () => new Error('was accepted'),
      (thrown: unknown) => thrown,
    );
    return to.classify(error);
  }

  it('DEL-5.h tells by the word of the answer whose fault a refusal is', async () => {
    const said: unknown[] = [];
    for (const [status, word] of [
      [400, 'invalid_payload'],
      [400, 'invalid_blocks'],
      [400, 'user_not_found'],
      [403, 'action_prohibited'],
      [404, 'channel_not_found'],
      [404, 'no_service'],
      [403, 'invalid_token'],
      [410, 'channel_is_archived'],
      [429, 'ratelimited'],
      [500, 'rollup_error'],
      [502, '<html>bad gateway</html>'],
      [429, '{"ok":false,"error":"ratelimited"}'],
      [400, 'a word of tomorrow'],
    ] as const) {
      slack.refuse(answer(status, { 'retry-after': '30' }, word));
      const { verdict, concerns, stays = false, failure: cause } = await failure();
      said.push([word, verdict, concerns, stays, cause.code]);
    }
    expect(said).toEqual([
      ['invalid_payload', 'not_sent_permanent', 'recipient', false, 'slack_invalid_payload'],
      ['invalid_blocks', 'not_sent_permanent', 'recipient', false, 'slack_invalid_blocks'],
      ['user_not_found', 'not_sent_permanent', 'recipient', false, 'slack_user_not_found'],
      ['action_prohibited', 'not_sent_retryable', 'destination', true, 'slack_action_prohibited'],
      ['channel_not_found', 'not_sent_retryable', 'destination', true, 'slack_channel_not_found'],
      ['no_service', 'not_sent_retryable', 'credential', false, 'slack_no_service'],
      ['invalid_token', 'not_sent_retryable', 'credential', false, 'slack_invalid_token'],
      ['channel_is_archived', 'not_sent_permanent', 'recipient', false, 'slack_channel_is_archived'],
      ['ratelimited', 'not_sent_retryable', 'destination', false, 'slack_ratelimited'],
      ['rollup_error', 'ambiguous', 'destination', false, 'slack_rollup_error'],
      ['<html>bad gateway</html>', 'ambiguous', 'destination', false, 'http_502'],
      ['{"ok":false,"error":"ratelimited"}', 'not_sent_retryable', 'destination', false, 'slack_ratelimited'],
      ['a word of tomorrow', 'not_sent_permanent', 'recipient', false, 'http_400'],
    ]);
  });

  it('DEL-8.b waits as long as Retry-After asks when the hook is limited', async () => {
    slack.refuse(answer(429, { 'retry-after': '30' }, 'rate_limited'));
    expect((await failure()).failure.retry_after_ms).toBe(30_000);
  });

  it('DEL-16.a trusts the authority that the hook names, and shows the certificate that it names', async () => {
    const authority = privateAuthority();
    const ours = authority.issue('assay');
    const asking = { ...authority.issue(), requestCert: true, rejectUnauthorized: true, ca: authority.ca };
    const behind_tls = await startSlackServer({ certificate: asking });
    const client_certificate = { cert: fixedSecret(ours.cert), key: fixedSecret(ours.key) };
    const ca = fixedSecret(authority.ca);
    const results: unknown[] = [];
    for (const security of [
      { ca, client_certificate },
      { ca, client_certificate: null },
      { ca: null, client_certificate },
    ]) {
      const through = providerFor(behind_tls.hook_url, security);
      const { verdict, failure: cause } = await failure(through);
      results.push(cause.message === 'was accepted' ? 'accepted' : [verdict, cause.code]);
      await through.close();
    }
    // With TLS 1.3 the request may be on its way before the certificate is missed: who cuts it off may have read it.
    expect(results).toEqual([
      'accepted',
      [expect.stringMatching(/^ambiguous|^not_sent_retryable/), expect.any(String)],
      ['not_sent_retryable', 'certificate_untrusted'],
    ]);
    expect(behind_tls.posted).toHaveLength(1);
    await behind_tls.close();
  });

  it('SEC-5.c posts to the new URL as soon as the secret changes, and shows neither', async () => {
    const other = await startSlackServer();
    let url = `${slack.url}/services/revoked`;
    const secret = {
      current: () => fixedSecret(url).current(),
      onChange: () => () => undefined,
      close: () => undefined,
    };
    const rotating = new SlackProvider({
      hooks: [{ name: 'reviews', url: secret, concurrency: 1, rate_per_s: 1, security: USUAL_SECURITY }],
      send_timeout_ms: 2_000,
    });
    const before = rotating.destinationOf('reviews')!.credentialFingerprint();
    const refused = await failure(rotating);
    expect(refused.failure.code).toBe('slack_no_service');
    expect(JSON.stringify([refused, refused.failure.message])).not.toContain('revoked');
    url = other.hook_url;
    expect((await failure(rotating)).failure.message).toBe('was accepted');
    expect([slack.posted.length, other.posted.length]).toEqual([0, 1]);
    expect(rotating.destinationOf('reviews')!.credentialFingerprint()).not.toBe(before);
    await rotating.close();
    await other.close();
  });

  it('DEL-9.b is given one message a second where the configuration says no other rate', () => {
    expect(provider.destinationOf('reviews')).toMatchObject({
      name: 'slack:reviews',
      rate_per_s: 1,
    });
  });
});
