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
  it.each([
    ['link-local', ['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', '[fe80::1]']],
    ['of a provider', ['100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd00:ec2::23']],
    ['of a provider, by IPv6', ['fd20:ce::254', 'fd00:c1::a9fe:a9fe', 'fd00:42::42', 'FD20:CE:0:0:0:0:0:254']],
    ['IPv4-mapped', ['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '::ffff:168.63.129.16']],
    ['IPv4-compatible or translated', ['::169.254.169.254', '::a83f:8110', '::ffff:0:169.254.169.254']],
    ['NAT64', ['64:ff9b::169.254.169.254', '64:ff9b::a83f:8110', '64:ff9b::6464:64c8', '64:ff9b:1::a9fe:a9fe']],
    ['NAT64 around bits 64 to 71', ['64:ff9b:1:a9fe:a9:fe00::', '64:ff9b:1:a83f:81:1000::']],
    ['6to4 and Teredo', ['2002:a9fe:a9fe::1', '2002:a83f:8110::', '2001:0:53aa:64c::5601:5601']],
  ])('SEC-7.f, SEC-9.b refuses addresses that are %s', (_kind, addresses) => {
    for (const address of addresses) expect([address, isForbiddenAddress(address)]).toEqual([address, true]);
  });

  it('SEC-7.f, SEC-9.b refuses no other', () => {
    for (const address of [
      ...['127.0.0.1', '10.0.0.1', '93.184.216.34', '168.63.129.17', '169.253.255.255', '192.0.0.191', '::1', '::'],
      ...['2606:2800:220:1::1', '64:ff9b::93.184.216.34', '64:ff9b:1:a9ff::', '2002:5db8:d822::1', '2001:db8::1'],
      ...['::ffff:127.0.0.1', 'fd20:ce::253', 'example.org', '169.254.169.254.example.org'],
    ]) {
      expect([address, isForbiddenAddress(address)]).toEqual([address, false]);
    }
  });
});
