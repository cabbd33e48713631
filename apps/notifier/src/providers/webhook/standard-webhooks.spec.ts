import { describe, expect, it } from '@jest/globals';
import { signingKey } from '@assay/providers-file';
import { isForbiddenAddress } from '@assay/security';
import { retryAfterMs } from '../http/index.js';
import { standardWebhookHeaders } from './standard-webhooks.js';

describe('standard webhooks', () => {
  it('DEL-5.e signs as the example of the published specification does', () => {
    const key = signingKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const headers = standardWebhookHeaders(
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1614265330,
      Buffer.from('{"test": 2432232314}'),
      [key, key],
    );
    const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
    expect(headers['webhook-signature']).toBe(`${signature} ${signature}`);
  });

  it('DEL-5.e refuses a secret that is no base64 or too short, without repeating it', () => {
    for (const secret of ['whsec_short', 'not base64 at all, but long enough to be', `whsec_${'A'.repeat(20)}`]) {
      expect(() => signingKey(secret)).toThrow('a webhook secret is whsec_');
      expect(() => signingKey(secret)).not.toThrow(secret);
    }
  });
});

describe('retryAfterMs', () => {
  const now = Date.parse('2026-11-23T10:00:00Z');

  it('DEL-8.b reads both forms and nothing else', () => {
    expect(retryAfterMs('120', now)).toBe(120_000);
    expect(retryAfterMs('Mon, 23 Nov 2026 10:02:00 GMT', now)).toBe(120_000);
    expect(retryAfterMs('Mon, 23 Nov 2026 09:00:00 GMT', now)).toBe(0);
    for (const unreadable of [undefined, '', 'soon', '-5', '1.5', '2026-11-23']) {
      expect(retryAfterMs(unreadable, now)).toBeUndefined();
    }
  });
});

describe('isForbiddenAddress', () => {
  it('SEC-7.f refuses link-local and metadata addresses in every spelling, and no other', () => {
    for (const address of [
      '169.254.169.254',
      '169.254.0.1',
      'fe80::1',
      'fd00:ec2::254',
      '::ffff:169.254.169.254',
      '100.100.100.200',
    ]) {
      expect([address, isForbiddenAddress(address)]).toEqual([address, true]);
    }
    for (const address of ['127.0.0.1', '10.0.0.1', '93.184.216.34', '::1', '2606:2800:220:1::1', 'example.org']) {
      expect([address, isForbiddenAddress(address)]).toEqual([address, false]);
    }
  });
});
