import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalRecipient, isChannel } from '@assay/contracts';

const mail = (address: string) => canonicalRecipient({ channel: 'email', address })?.address ?? null;
const hook = (address: string) => canonicalRecipient({ channel: 'webhook', address })?.address ?? null;

describe('canonicalRecipient', () => {
  it('ING-1.c trims a mail address, puts its domain in lower case and punycode, and keeps its local part', () => {
    expect(mail('  Jane.Doe+Reviews@EXAMPLE.Com\t')).toBe('Jane.Doe+Reviews@example.com');
    expect(mail('info@Bücher.example')).toBe('info@xn--bcher-kva.example');
    expect(mail('jürgen@example.com')).toBe('jürgen@example.com');
    expect(mail('dev@localhost')).toBe('dev@localhost');
  });

  it.each([
    '',
    '@example.com',
    'a@',
    'plain',
    'a b@example.com',
    '"a b"@example.com',
    'a@b@c.example',
    'a@exa mple.com',
    'a@example.com\r\nBcc: x@y.example',
    'a\u0000@example.com',
    'a@[127.0.0.1]',
    'a@example.com/path',
    'a@exam%70le.com',
    'a@-example.com',
    'a@.example.com',
    'a@example.com.',
    '\ud800@example.com',
    `${'x'.repeat(65)}@example.com`,
    `a@${'x'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(63)}.example`,
  ])('ING-1.c refuses %j as a mail address', (address) => {
    expect(mail(address)).toBeNull();
  });

  it('ING-1.c changes nothing when applied twice', () => {
    fc.assert(
      fc.property(fc.emailAddress(), (address) => {
        const once = mail(address);
        if (once !== null) expect(mail(once)).toBe(once);
      }),
    );
  });

  it('DEL-6.a takes the name of an endpoint for every other channel, too', () => {
    for (const channel of ['slack', 'x-matrix'] as const) {
      expect(canonicalRecipient({ channel, address: ' reviews ' })).toEqual({ channel, address: 'reviews' });
      expect(canonicalRecipient({ channel, address: 'https://hooks.example.org/services/T/B/X' })).toBeNull();
    }
  });

  it('ING-1.c takes the channels that ship, and those that begin with x-, for channels', () => {
    expect(['email', 'webhook', 'slack', 'x-matrix', 'x-a1', 'x-a-b'].filter(isChannel)).toHaveLength(6);
    const none = ['', 'emial', 'Slack', 'x-', 'x--a', 'x-a-', 'x-A', `x-${'a'.repeat(64)}`, 'y-a', 7, null];
    expect(none.filter(isChannel)).toEqual([]);
  });

  it('DEL-6.a takes the name of an endpoint for a webhook, never a URL', () => {
    expect(hook(' ci-results ')).toBe('ci-results');
    for (const address of ['https://example.com/hook', '//x', 'a b', '', '../x', 'x'.repeat(129)]) {
      expect(hook(address)).toBeNull();
    }
  });
});
