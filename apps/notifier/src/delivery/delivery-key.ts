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
  return hashOf(['assay.delivery.v1', ...fieldsOf(identity)]);
}

/** Of the so-manieth message that an operator has sent `again` (DEL-17): another one for whoever deduplicates. */
export function repeatKey(identity: DeliveryIdentity, repeat: number): string {
  return hashOf(['assay.repeat.v1', ...fieldsOf(identity), String(repeat)]);
}

function fieldsOf({ source, changelist_id, recipient, review_version }: DeliveryIdentity): string[] {
  return [source, changelist_id, recipient.channel, recipient.address, String(review_version)];
}

function hashOf(fields: readonly string[]): string {
  const hash = createHash('sha256');
  for (const field of fields) hash.update(`${Buffer.byteLength(field)}:${field},`);
  return hash.digest('hex');
}
