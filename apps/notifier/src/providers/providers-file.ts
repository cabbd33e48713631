import { existsSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject } from 'ajv/dist/2020.js';
import type { Channel } from '@assay/contracts';
import { resolveSecret } from '@assay/security';
import type { SecretCheck, SecretSource } from '@assay/security';
import { isForbiddenAddress } from './http/index.js';
import type { ConnectionSecurity } from './http/index.js';
import { MAIL_SERVICES, unknownPlaceholders } from './mail-api/index.js';
import type { MailApiMapping, MailApiService } from './mail-api/index.js';
import type { OwnProviderSettings } from './own/index.js';
import { PROVIDERS_FILE_SCHEMA } from './providers-file.schema.js';
import type { MailRoute } from './providers.js';
import type { SlackHook } from './slack/index.js';
import type { SmtpSettings } from './smtp/index.js';
import { signingKey } from './webhook/index.js';
import type { WebhookEndpoint } from './webhook/index.js';

export interface ProvidersConfig {
  smtp: SmtpSettings | null;
  mail_apis: MailApiService[];
  mail_route: MailRoute;
  webhooks: WebhookEndpoint[];
  slack_hooks: SlackHook[];
  own: OwnProviderSettings[];
}

const validate = new Ajv2020({ allErrors: true, useDefaults: true, allowUnionTypes: true }).compile<ProvidersFile>(
  PROVIDERS_FILE_SCHEMA,
);

/**
 * Reads the file by its schema (docs/schemas/providers-file.json) and resolves its secrets. Throws one `Error` with every
 * fault, one a line, each with its place; values that may be secret are not repeated.
 */
export function readProvidersFile(text: string, env: NodeJS.ProcessEnv = process.env): ProvidersConfig {
  const file = parse(text);
  const faults = new Faults(validate(file) ? [] : (validate.errors ?? []).filter(tellsMost).map(faultOf), env);
  const { smtp = null, mail_api, mail, webhook, slack, own } = (faults.at('') ? {} : file) as ProvidersFile;
  const config: ProvidersConfig = {
    smtp: smtp === null || faults.within('/smtp') ? null : readSmtp(faults, smtp),
    mail_apis: entries(faults, '/mail_api/services', mail_api?.services, readMailApi),
    mail_route: () => undefined,
    webhooks: entries(faults, '/webhook/endpoints', webhook?.endpoints, readWebhook),
    slack_hooks: entries(faults, '/slack/hooks', slack?.hooks, readSlackHook),
    own: entries(faults, '/own', own, readOwn),
  };
  if (!faults.within('/mail')) config.mail_route = readMailRoute(faults, mail ?? {}, smtp !== null, mail_api?.services);
  faults.throwIfAny();
  return config;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the file is not JSON');
  }
}

/** Where an alternative fails, what is wrong with each of them says more; of a bad name its pattern says less. */
function tellsMost({ keyword, propertyName }: ErrorObject): boolean {
  return !['oneOf', 'anyOf'].includes(keyword) && propertyName === undefined;
}

function faultOf({ instancePath, keyword, params, message }: ErrorObject): string {
  const { additionalProperty, missingProperty } = params as Record<string, string | undefined>;
  if (keyword === 'additionalProperties') return `${instancePath}/${additionalProperty}: no such member`;
  if (keyword === 'required') return `${instancePath}/${missingProperty}: is missing`;
  if (keyword === 'propertyNames') return `${instancePath}/${String(params['propertyName'])}: is no name`;
  if (keyword === 'enum') return `${instancePath}: must be one of ${(params['allowedValues'] as string[]).join(', ')}`;
  return `${instancePath === '' ? '/' : instancePath}: ${message}`;
}

/** What is wrong so far, and what is needed to find more of it: entries that are well formed are looked into further. */
class Faults {
  constructor(
    private readonly found: string[],
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  add(place: string, expected: string): void {
    this.found.push(`${place}: ${expected}`);
  }

  at(place: string): boolean {
    return this.found.some((fault) => fault.startsWith(`${place === '' ? '/' : place}: `));
  }

  within(place: string): boolean {
    return this.found.some((fault) => fault.startsWith(`${place}/`) || fault.startsWith(`${place}: `));
  }

  secret(reference: string, place: string, check?: SecretCheck): SecretSource | null {
    try {
      return resolveSecret(reference, this.env, check);
    } catch (error) {
      this.add(place, (error as Error).message);
      return null;
    }
  }

  url(text: string, place: string): URL {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null) this.add(place, 'is no URL');
    else if (isForbiddenAddress(hostOf(url))) this.add(place, 'names a link-local or metadata address');
    return url ?? new URL('http://invalid.invalid');
  }

  throwIfAny(): void {
    if (this.found.length > 0) throw new Error([...new Set(this.found)].join('\n'));
  }
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

type ReadEntry<F, T> = (faults: Faults, place: string, name: string, entry: F) => T | null;

function entries<F, T>(faults: Faults, place: string, all: Record<string, F> = {}, read: ReadEntry<F, T>): T[] {
  if (faults.at(place)) return [];
  return Object.entries(all).flatMap(([name, entry]) => {
    const at = `${place}/${name}`;
    const found = faults.within(at) ? null : read(faults, at, name, entry);
    return found === null ? [] : [found];
  });
}

function domainOf(from: string): string {
  return /@([A-Za-z0-9.-]+)>?$/.exec(from)![1]!.toLowerCase();
}

interface SecurityFile {
  ca?: string;
  client_certificate?: { cert: string; key: string };
}

function readSecurity(faults: Faults, place: string, { ca, client_certificate }: SecurityFile): ConnectionSecurity {
  const pem = (reference: string, at: string) => faults.secret(reference, `${place}/${at}`, pemText);
  const [cert, key] = client_certificate
    ? [pem(client_certificate.cert, 'client_certificate/cert'), pem(client_certificate.key, 'client_certificate/key')]
    : [null, null];
  return { ca: ca === undefined ? null : pem(ca, 'ca'), client_certificate: cert && key && { cert, key } };
}

/** Throws without repeating it. */
function pemText(text: string): void {
  if (!text.includes('-----BEGIN ')) throw new Error('must be PEM');
}

function readSmtp(faults: Faults, smtp: SmtpFile): SmtpSettings {
  const password = smtp.password === undefined ? null : faults.secret(smtp.password, '/smtp/password');
  return {
    ...smtp,
    user: smtp.user ?? null,
    password,
    security: readSecurity(faults, '/smtp', smtp),
    message_id_domain: smtp.message_id_domain ?? domainOf(smtp.from),
    rate_per_s: smtp.rate_per_s ?? null,
    max_bytes: smtp.max_bytes ?? null,
  };
}

/** Set by the provider for each request. */
const OWN_HEADERS =
  /^(webhook-.*|content-.*|host|connection|transfer-encoding|user-agent|x-correlation-id|traceparent)$/;

function readHeaders(faults: Faults, place: string, { headers, secret_headers = {}, bearer }: WebhookFile) {
  for (const name of [...Object.keys(headers ?? {}), ...Object.keys(secret_headers)]) {
    if (OWN_HEADERS.test(name)) faults.add(`${place}/headers/${name}`, 'is set by the notifier');
  }
  const secrets = Object.entries(secret_headers).flatMap(([name, reference]) => {
    const secret = faults.secret(reference, `${place}/secret_headers/${name}`, headerValue);
    return secret ? [[name, secret] as const] : [];
  });
  return {
    headers: headers ?? {},
    secret_headers: Object.fromEntries(secrets),
    bearer: bearer === undefined ? null : faults.secret(bearer, `${place}/bearer`, headerValue),
  };
}

/** Throws without repeating it. */
function headerValue(text: string): void {
  if (!/^[\x20-\x7e]+$/.test(text)) throw new Error('must be printable ASCII on one line');
}

const readWebhook: ReadEntry<WebhookFile, WebhookEndpoint> = (faults, place, name, endpoint) => ({
  ...endpoint,
  ...readHeaders(faults, place, endpoint),
  security: readSecurity(faults, place, endpoint),
  name,
  url: faults.url(endpoint.url, `${place}/url`),
  secrets: endpoint.secrets.flatMap((each, n) => faults.secret(each, `${place}/secrets/${n}`, signingKey) ?? []),
  rate_per_s: endpoint.rate_per_s ?? null,
  max_bytes: endpoint.max_bytes ?? null,
});

const readSlackHook: ReadEntry<SlackFile, SlackHook> = (faults, place, name, hook) => {
  const url = faults.secret(hook.url, `${place}/url`, hookUrl);
  return url === null ? null : { ...hook, name, url, security: readSecurity(faults, place, hook) };
};

const readOwn: ReadEntry<{ module: string; settings?: unknown }, OwnProviderSettings> = (
  faults,
  place,
  name,
  entry,
) => {
  const { module, settings = {} } = entry;
  if (!existsSync(module)) faults.add(`${place}/module`, `there is no file ${module}`);
  return { channel: name as Channel, module, settings };
};

/** Throws without repeating it. */
function hookUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || isForbiddenAddress(hostOf(url))) {
    throw new Error('must be an http or https URL, and of no link-local or metadata address');
  }
}

const MAPPING_PARTS = ['auth', 'send', 'message_id', 'remembers_key_ms', 'lookup', 'refusals'] as const;

const readMailApi: ReadEntry<MailApiFile, MailApiService> = (faults, place, name, service) => {
  const { like, from, mapping: own } = service;
  const known = like === undefined ? undefined : MAIL_SERVICES[like];
  const mapping = { ...known?.mapping, ...own } as MailApiMapping;
  if (name === 'smtp') faults.add(place, 'smtp is the mail server; a service needs another name');
  if (service.url === undefined && !known) faults.add(`${place}/url`, 'is missing, and so is like');
  for (const part of MAPPING_PARTS) {
    if (mapping[part] === undefined) faults.add(`${place}/mapping/${part}`, 'is missing, and so is like');
  }
  for (const unknown of unknownPlaceholders((own ?? {}) as never)) {
    faults.add(`${place}/mapping`, `{${unknown}} is no placeholder`);
  }
  const token = faults.secret(service.token, `${place}/token`);
  const url = faults.url(service.url ?? known?.url ?? 'http://invalid.invalid', `${place}/url`);
  const security = readSecurity(faults, place, service);
  if (token === null) return null;
  const { concurrency, conflict_means_known } = service;
  const { rate_per_s = null, max_bytes = null } = service;
  const domain = service.domain ?? domainOf(from);
  return {
    name,
    url,
    token,
    from,
    domain,
    concurrency,
    rate_per_s,
    max_bytes,
    conflict_means_known,
    mapping,
    security,
  };
};

/** By the domain of the address; where nothing is said the only provider of mail, or the mail server. */
function readMailRoute(
  faults: Faults,
  { via, domains = {} }: MailFile,
  has_smtp: boolean,
  services: Record<string, unknown> = {},
): MailRoute {
  const known = new Set([...(has_smtp ? ['smtp'] : []), ...Object.keys(services)]);
  const check = (provider: string, place: string): void => {
    if (!known.has(provider)) faults.add(place, `no such provider of mail; known: ${[...known].join(', ')}`);
  };
  if (via !== undefined) check(via, '/mail/via');
  for (const [domain, { via: named }] of Object.entries(domains)) check(named, `/mail/domains/${domain}/via`);
  if (via === undefined && !has_smtp && known.size > 1) {
    faults.add('/mail/via', 'is missing: several services could send mail');
  }
  const providerName = (provider: string) => (provider === 'smtp' ? provider : `mail_api:${provider}`);
  const usual = via ?? (has_smtp ? 'smtp' : [...known][0]);
  const by_domain = new Map(Object.entries(domains).map(([domain, named]) => [domain, providerName(named.via)]));
  const otherwise = usual === undefined ? undefined : providerName(usual);
  return (address) => by_domain.get(address.slice(address.lastIndexOf('@') + 1).toLowerCase()) ?? otherwise;
}

interface ProvidersFile {
  smtp?: SmtpFile;
  mail_api?: { services: Record<string, MailApiFile> };
  mail?: MailFile;
  webhook?: { endpoints: Record<string, WebhookFile> };
  slack?: { hooks: Record<string, SlackFile> };
  own?: Record<string, { module: string; settings?: unknown }>;
}

/** What the schema leaves optional, and no default fills. */
type SmtpFile = Omit<
  SmtpSettings,
  'user' | 'password' | 'message_id_domain' | 'rate_per_s' | 'max_bytes' | 'security'
> &
  SecurityFile & {
    user?: string;
    password?: string;
    message_id_domain?: string;
    rate_per_s?: number;
    max_bytes?: number;
  };
interface WebhookFile extends SecurityFile {
  url: string;
  secrets: string[];
  concurrency: number;
  conflict_means_known: boolean;
  headers?: Record<string, string>;
  secret_headers?: Record<string, string>;
  bearer?: string;
  rate_per_s?: number;
  max_bytes?: number;
}
type SlackFile = Omit<SlackHook, 'name' | 'url' | 'security'> & SecurityFile & { url: string };
interface MailFile {
  via?: string;
  domains?: Record<string, { via: string }>;
}
interface MailApiFile extends SecurityFile {
  like?: string;
  url?: string;
  token: string;
  from: string;
  domain?: string;
  concurrency: number;
  rate_per_s?: number;
  max_bytes?: number;
  conflict_means_known: boolean;
  mapping?: Partial<MailApiMapping>;
}
