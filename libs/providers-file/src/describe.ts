import type { ConnectionSecurity } from './connection-security.js';
import type { MailApiService } from './mail-api.settings.js';
import type { ProvidersConfig } from './read-providers-file.js';
import { NO_RULES } from './rules.js';
import type { DeliveryRules } from './rules.js';
import type { SmtpSettings } from './smtp.settings.js';

/** One destination as the notifier would keep it; no secret and no path of a URL. */
export interface DescribedDestination {
  /** As circuits, limits, metrics and dead letters name it. */
  name: string;
  /** Whom it tells: `{channel: webhook, address: release-bot}`; null for what several addresses share. */
  channel: string;
  address: string | null;
  /** Host and port, or the module; null where the reference to it was not read. */
  to: string | null;
  concurrency: number | null;
  rate_per_s: number | null;
  max_bytes: number | null;
  /** Trusts authorities of its own, and shows a certificate. */
  ca: boolean;
  client_certificate: boolean;
}

/** Rules of a destination that are not the settings' own. */
export interface DescribedRules extends DeliveryRules {
  /** `webhook:release-bot`, `x-matrix`, `mail` for all domains, or `mail:example.com`. */
  of: string;
}

/** What the notifier would do with a providers file. */
export interface ProvidersDescription {
  destinations: DescribedDestination[];
  /** Who sends mail: by domain, and to all others. */
  mail: { otherwise: string | null; domains: Record<string, string> };
  rules: DescribedRules[];
  /** What is allowed, and seldom meant. */
  warnings: { entry: string; message: string }[];
}

export function describeProviders(config: ProvidersConfig): ProvidersDescription {
  const { smtp, mail_apis, webhooks, slack_hooks, own, mail_route } = config;
  const destinations = [
    ...(smtp ? [ofSmtp(smtp)] : []),
    ...mail_apis.map(ofMailApi),
    ...webhooks.map(({ name, url, security, ...limits }) => ({
      ...{ name: `webhook:${name}`, channel: 'webhook', address: name, to: url.host },
      ...limitsOf(limits),
      ...securityOf(security),
    })),
    ...slack_hooks.map(({ name, url, security, ...limits }) => ({
      ...{ name: `slack:${name}`, channel: 'slack', address: name, to: hostOfSecret(url.current().reveal()) },
      ...limitsOf(limits),
      ...securityOf(security),
    })),
    ...own.map(({ channel, module }) => ({
      ...{ name: channel, channel, address: null, to: module },
      ...{ concurrency: null, rate_per_s: null, max_bytes: null, ca: false, client_certificate: false },
    })),
  ];
  const mail = { otherwise: mail_route.otherwise, domains: Object.fromEntries(mail_route.by_domain) };
  return { destinations, mail, rules: describedRules(config), warnings: warningsOf(config) };
}

function describedRules({ rules: { by_recipient, mail } }: ProvidersConfig): DescribedRules[] {
  const named: [string, DeliveryRules][] = [
    ...by_recipient,
    ['mail', mail.otherwise],
    ...[...mail.by_domain].map(([domain, rules]): [string, DeliveryRules] => [`mail:${domain}`, rules]),
  ];
  return named
    .filter(([, rules]) => JSON.stringify(rules) !== JSON.stringify(NO_RULES))
    .map(([of, rules]) => ({ of, ...rules }));
}

function ofSmtp({ host, port, max_connections, security, ...limits }: SmtpSettings): DescribedDestination {
  return {
    ...{ name: 'smtp', channel: 'email', address: null, to: `${host}:${port}` },
    ...limitsOf({ ...limits, concurrency: max_connections }),
    ...securityOf(security),
  };
}

function ofMailApi({ name, url, security, ...limits }: MailApiService): DescribedDestination {
  return {
    ...{ name: `mail_api:${name}`, channel: 'email', address: null, to: url.host },
    ...limitsOf(limits),
    ...securityOf(security),
  };
}

function limitsOf(limits: { concurrency: number; rate_per_s: number | null; max_bytes?: number | null }) {
  const { concurrency, rate_per_s, max_bytes = null } = limits;
  return { concurrency, rate_per_s, max_bytes };
}

function securityOf({ ca, client_certificate }: ConnectionSecurity) {
  return { ca: ca !== null, client_certificate: client_certificate !== null };
}

/** Of a hook whose URL is a secret; null where it was not read. */
function hostOfSecret(url: string): string | null {
  return URL.canParse(url) ? new URL(url).host : null;
}

function warningsOf({ smtp, mail_apis, webhooks, mail_route }: ProvidersConfig): ProvidersDescription['warnings'] {
  const clear = [
    ...mail_apis.map((each) => ['mail_api', each] as const),
    ...webhooks.map((each) => ['webhook', each] as const),
  ]
    .filter(([, { url }]) => url.protocol === 'http:' && !isLoopback(url.hostname))
    .map(([kind, { name }]) => ({
      entry: `${kind}:${name}`,
      message: 'is spoken to without TLS: what is sent can be read and changed on its way',
    }));
  const used = new Set([mail_route.otherwise, ...mail_route.by_domain.values()]);
  const unused = [...(smtp ? ['smtp'] : []), ...mail_apis.map(({ name }) => `mail_api:${name}`)]
    .filter((name) => !used.has(name))
    .map((entry) => ({ entry, message: 'sends no mail: no domain leads to it' }));
  const open = smtp && !smtp.secure && !smtp.require_tls && !isLoopback(smtp.host) ? [smtp] : [];
  const unsafe = open.map(({ password }) => ({
    entry: 'smtp',
    message: `uses TLS only where the server offers it (require_tls is false)${password ? ', and has a password to lose' : ''}`,
  }));
  return [...clear, ...unsafe, ...unused];
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(host);
}
