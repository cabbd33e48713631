import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
const SHORTEST_KEY_BYTES = 24;
const LONGEST_KEY_BYTES = 64;

/** The bytes of a Standard Webhooks secret. Throws, without repeating it, where it is none. */
export function signingKey(secret: string): Buffer {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = Buffer.from(encoded, 'base64');
  const canonical = key.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  if (!canonical || key.length < SHORTEST_KEY_BYTES || key.length > LONGEST_KEY_BYTES) {
    throw new Error(
      `a webhook secret is whsec_ and the base64 of ${SHORTEST_KEY_BYTES} to ${LONGEST_KEY_BYTES} random bytes`,
    );
  }
  return key;
}

export interface StandardWebhookHeaders {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
}

/**
 * Signs one attempt by the Standard Webhooks specification: `v1,` and the base64 HMAC-SHA-256 of
 * `id.timestamp.body`, once for each active secret, separated by spaces.
 *
 * @param unix_s the attempt's time; receivers refuse one that is minutes off
 */
export function standardWebhookHeaders(
  id: string,
  unix_s: number,
  body: Buffer,
  keys: readonly Buffer[],
): StandardWebhookHeaders {
  const signed = `${id}.${unix_s}.`;
  const signatures = keys.map((key) => `v1,${createHmac('sha256', key).update(signed).update(body).digest('base64')}`);
  return { 'webhook-id': id, 'webhook-timestamp': String(unix_s), 'webhook-signature': signatures.join(' ') };
}
