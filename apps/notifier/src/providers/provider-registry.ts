import { loadOwnProviders } from '@assay/providers-file';
import type { ProvidersConfig } from '@assay/providers-file';
import { MailApiProvider } from './mail-api/index.js';
import { ForeignProvider } from './own/index.js';
import type { Provider } from './provider.js';
import { Providers } from './providers.js';
import { SlackProvider } from './slack/index.js';
import { SmtpProvider } from './smtp/index.js';
import { WebhookProvider } from './webhook/index.js';

/** A new provider is one line here (DEL-5); one of the installation's own is none. */
export async function createProviders(config: ProvidersConfig, send_timeout_ms: number): Promise<Providers> {
  const { smtp, mail_apis, webhooks, slack_hooks, own, mail_route, rules } = config;
  const loaded = await loadOwnProviders(own, send_timeout_ms);
  const providers: Provider[] = [
    new WebhookProvider({ endpoints: webhooks, send_timeout_ms }),
    new SlackProvider({ hooks: slack_hooks, send_timeout_ms }),
    ...mail_apis.map((service) => new MailApiProvider({ service, send_timeout_ms })),
    ...loaded.map((each) => new ForeignProvider(each)),
  ];
  if (smtp) providers.push(new SmtpProvider({ smtp, send_timeout_ms }));
  return new Providers(providers, mail_route, rules);
}
