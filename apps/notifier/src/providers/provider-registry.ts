import type { Channel } from '@assay/contracts';
import type { Provider } from './provider.js';
import type { ProvidersConfig } from './providers-file.js';
import { SmtpProvider } from './smtp/index.js';
import { WebhookProvider } from './webhook/index.js';

/** The provider of each channel that this installation serves. */
export type Providers = ReadonlyMap<Channel, Provider>;

/** Nest token of {@link Providers}. */
export const PROVIDERS = Symbol('Providers');

/** A new provider is one line here (DEL-5). */
export function createProviders({ smtp, webhooks }: ProvidersConfig, send_timeout_ms: number): Providers {
  const providers: Provider[] = [new WebhookProvider({ endpoints: webhooks, send_timeout_ms })];
  if (smtp) providers.push(new SmtpProvider({ smtp, send_timeout_ms }));
  return new Map(providers.map((provider) => [provider.channel, provider]));
}
