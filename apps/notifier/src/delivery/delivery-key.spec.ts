import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { deliveryKey, repeatKey } from './delivery-key.js';
import type { DeliveryIdentity } from './delivery-key.js';

const identity: DeliveryIdentity = {
  source: 'ci',
  changelist_id: '1234',
  recipient: { channel: 'email', address: 'jürgen@example.org' },
  review_version: 2,
};

describe('deliveryKey', () => {
  it('DEL-1.b is the SHA-256 of the documented encoding, byte for byte', () => {
    const encoded = '17:assay.delivery.v1,2:ci,4:1234,5:email,19:jürgen@example.org,1:2,';
    expect(deliveryKey(identity)).toBe(createHash('sha256').update(encoded).digest('hex'));
    expect(deliveryKey(identity)).toBe('eed1f9d0d7227554d1101dd37d75d12ab611de6d6298e7fe9d9b086161b66b77');
  });

  it('DEL-1.b changes the key with every part of the tuple', () => {
    const others: Partial<DeliveryIdentity>[] = [
      { source: 'cj' },
      { changelist_id: '1235' },
      { recipient: { channel: 'webhook', address: identity.recipient.address } },
      { recipient: { channel: 'email', address: 'jurgen@example.org' } },
      { review_version: 3 },
    ];
    const keys = [identity, ...others.map((other) => ({ ...identity, ...other }))].map(deliveryKey);
    expect(new Set(keys).size).toBe(6);
  });

  it('DEL-1.b keeps parts apart that read the same one after the other, whatever separates them', () => {
    const cuts = fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 12 }));
    const text = fc.string({ unit: fc.constantFrom('a', '1', ':', ',', '\0'), minLength: 12, maxLength: 12 });
    const cut = (whole: string, [one, other]: [number, number]): DeliveryIdentity => {
      const [from, to] = one < other ? [one, other] : [other, one];
      const recipient = { channel: 'webhook' as const, address: whole.slice(to) };
      return { source: whole.slice(0, from), changelist_id: whole.slice(from, to), recipient, review_version: 1 };
    };
    fc.assert(
      fc.property(text, cuts, cuts, (whole, one, other) => {
        const [first, second] = [cut(whole, one), cut(whole, other)];
        expect(deliveryKey(first) === deliveryKey(second)).toBe(JSON.stringify(first) === JSON.stringify(second));
      }),
    );
  });

  it('DEL-17.b makes of each time that it is sent again a key of its own, byte for byte as documented', () => {
    const encoded = '15:assay.repeat.v1,2:ci,4:1234,5:email,19:jürgen@example.org,1:2,1:3,';
    expect(repeatKey(identity, 3)).toBe(createHash('sha256').update(encoded).digest('hex'));
    const keys = [deliveryKey(identity), ...[1, 2, 12].map((repeat) => repeatKey(identity, repeat))];
    expect(new Set([...keys, repeatKey({ ...identity, source: 'other' }, 1)]).size).toBe(5);
  });

  it('GEN-8.c keeps two sources with the same changelist, recipient and version apart', () => {
    expect(deliveryKey({ ...identity, source: 'other' })).not.toBe(deliveryKey(identity));
  });
});
