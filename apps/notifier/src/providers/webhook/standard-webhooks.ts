import { createHmac } from 'node:crypto';

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
