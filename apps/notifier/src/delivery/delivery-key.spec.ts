import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { deliveryKey } from './delivery-key.js';
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

  it('DEL-1.b gives two deliveries the same key only when source, changelist, recipient and version are equal', () => {
    const field = fc.string({ maxLength: 4 });
    const tuple = fc.record({
      source: field,
      changelist_id: field,
      recipient: fc.record({ channel: fc.constantFrom('email' as const, 'webhook' as const), address: field }),
      review_version: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(tuple, tuple, (one, other) => {
        expect(deliveryKey(one) === deliveryKey(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });

  it('GEN-8.c keeps two sources with the same changelist, recipient and version apart', () => {
    expect(deliveryKey({ ...identity, source: 'other' })).not.toBe(deliveryKey(identity));
  });
});
