import { createHash } from 'node:crypto';
import { loadOwnProviders, readProvidersFile } from '@assay/providers-file';
import type { ProvidersConfig } from '@assay/providers-file';
import { MailApiProvider } from './mail-api/index.js';
import { ForeignProvider } from './own/index.js';
import type { Provider } from './provider.js';
import { ProviderSet } from './provider-set.js';
import { Providers } from './providers.js';
import { SlackProvider } from './slack/index.js';
import { SmtpProvider } from './smtp/index.js';
import { WebhookProvider } from './webhook/index.js';

/** The providers file as it was read, and where. */
export interface ProvidersFileAt {
  path: string;
  /** SHA-256 of its bytes. */
  digest: string;
  config: ProvidersConfig;
}

export function digestOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Throws `ProvidersFileError` where it cannot be used. */
export function providersFileOf(path: string, content: Buffer): ProvidersFileAt {
  return { path, digest: digestOf(content), config: readProvidersFile(content) };
}

/**
 * A new provider is one line here (DEL-5); one of the installation's own is none. What is made owns the configuration and
 * closes it; throws `ProvidersFileError` where a module of the installation's own cannot be used, and has closed it then.
 */
export async function createProviderSet(config: ProvidersConfig, send_timeout_ms: number): Promise<ProviderSet> {
  const { smtp, mail_apis, webhooks, slack_hooks, own, mail_route, rules } = config;
  const loaded = await loadOwnProviders(own, send_timeout_ms).catch((error: unknown) => {
    config.close();
    throw error;
  });
  const providers: Provider[] = [
    new WebhookProvider({ endpoints: webhooks, send_timeout_ms }),
    new SlackProvider({ hooks: slack_hooks, send_timeout_ms }),
    ...mail_apis.map((service) => new MailApiProvider({ service, send_timeout_ms })),
    ...loaded.map((each) => new ForeignProvider(each)),
  ];
  if (smtp) providers.push(new SmtpProvider({ smtp, send_timeout_ms }));
  return new ProviderSet(providers, mail_route, rules, () => config.close());
}

export async function createProviders({ config }: ProvidersFileAt, send_timeout_ms: number): Promise<Providers> {
  return new Providers(await createProviderSet(config, send_timeout_ms));
}
