import { createHash } from 'node:crypto';
import type { Recipient } from '@assay/contracts';

export interface DeliveryIdentity {
  source: string;
  changelist_id: string;
  recipient: Recipient;
  review_version: number;
}

/**
 * The idempotency key that every provider is given for one delivery, as 64 hex digits (DEL-1).
 *
 * SHA-256 over the UTF-8 bytes of netstrings (`<length in bytes>:<bytes>,`), in this order: the constant
 * `assay.delivery.v1`, source, changelist_id, channel, address, review_version in decimal digits. The lengths keep
 * fields apart whatever they hold: `("a", "bc")` and `("ab", "c")` never share a key.
 *
 * A receiver may rely on it, so it is fixed for ever: another encoding would be another constant.
 */
export function deliveryKey(identity: DeliveryIdentity): string {
  const hash = createHash('sha256');
  for (const field of [
    'assay.delivery.v1',
    identity.source,
    identity.changelist_id,
    identity.recipient.channel,
    identity.recipient.address,
    String(identity.review_version),
  ]) {
    hash.update(`${Buffer.byteLength(field)}:${field},`);
  }
  return hash.digest('hex');
}
