import type { Channel } from '@assay/contracts';

/** Which deliveries go to a destination; a null address stands for every one of the channel. */
export interface BehindDestination {
  channel: Channel;
  address: string | null;
}

/** By the destination's name, also of an endpoint that is configured no more; null for what is no name of one. */
export function behindDestination(name: string): BehindDestination | null {
  if (name === 'smtp') return { channel: 'email', address: null };
  const [, endpoint] = /^webhook:(.+)$/s.exec(name) ?? [];
  return endpoint === undefined ? null : { channel: 'webhook', address: endpoint };
}
