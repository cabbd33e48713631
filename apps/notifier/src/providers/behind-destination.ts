import { isChannel } from '@assay/contracts';
import type { Channel } from '@assay/contracts';

/** Which deliveries go to a destination. */
export interface BehindDestination {
  channel: Channel;
  /** Null: every one of the channel. */
  address: string | null;
  /** The provider of a mail; null where the channel has but one. */
  via: string | null;
}

/**
 * By the destination's name (`smtp`, `mail_api:NAME`, `webhook:NAME`, `slack:NAME`, `x-…`, `x-…:NAME`), also of an endpoint
 * that is configured no more; null for what is no name of one.
 */
export function behindDestination(name: string): BehindDestination | null {
  if (/^(smtp|mail_api:.+)$/s.test(name)) return { channel: 'email', address: null, via: name };
  const [, channel, address = null] = /^([a-z0-9-]+)(?::(.+))?$/s.exec(name) ?? [];
  if (!isChannel(channel) || channel === 'email') return null;
  return address === null && !channel.startsWith('x-') ? null : { channel, address, via: null };
}
