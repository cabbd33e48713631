import { domainToASCII } from 'node:url';
import type { Recipient } from './states.js';

/** RFC 5321's limits, in bytes. */
const MAX_LOCAL_PART_BYTES = 64;
const MAX_ADDRESS_BYTES = 254;

/**
 * Quoted local parts ("a b"@c) are refused: hardly any provider takes them, and what stands in one has no business in
 * a header. Characters beyond ASCII are fine (SMTPUTF8).
 */
const LOCAL_PART = /^[^\s@"<>()[\]\\,;:\p{Cc}\p{Cs}]+$/u;
const DOMAIN_BEFORE = /^[^\s@"<>()[\]\\,;:/?#%\p{Cc}\p{Cs}]+$/u;
const DOMAIN_AFTER = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const ENDPOINT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** The recipient as it is stored, compared and told (ING-1), or null when its address cannot be one. */
export function canonicalRecipient(recipient: Recipient): Recipient | null {
  const address = recipient.address.trim();
  if (recipient.channel === 'email') {
    const mail = canonicalMailAddress(address);
    return mail === null ? null : { channel: 'email', address: mail };
  }
  return ENDPOINT_NAME.test(address) ? { channel: recipient.channel, address } : null;
}

/** Domain in lower case and punycode; the local part kept, since only its own server may say what it means. */
function canonicalMailAddress(address: string): string | null {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at);
  const domain = address.slice(at + 1);
  if (at < 1 || !LOCAL_PART.test(local) || !DOMAIN_BEFORE.test(domain)) return null;
  if (Buffer.byteLength(local) > MAX_LOCAL_PART_BYTES) return null;
  const ascii = domainToASCII(domain);
  const canonical = `${local}@${ascii}`;
  return DOMAIN_AFTER.test(ascii) && Buffer.byteLength(canonical) <= MAX_ADDRESS_BYTES ? canonical : null;
}

/** One text per canonical recipient, for uniqueness. */
export function recipientKey(recipient: Recipient): string {
  return `${recipient.channel} ${recipient.address}`;
}
