import { resolveSecret } from '@assay/security';
import type { SecretCheck, SecretSource } from '@assay/security';
import { isForbiddenAddress } from './http/index.js';
import type { SmtpSettings } from './smtp/index.js';
import { signingKey } from './webhook/index.js';
import type { WebhookEndpoint } from './webhook/index.js';

export interface ProvidersConfig {
  smtp: SmtpSettings | null;
  webhooks: WebhookEndpoint[];
}

const DEFAULT_SMTP_CONNECTIONS = 8;
const DEFAULT_WEBHOOK_CONCURRENCY = 32;
const ENDPOINT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

type Members = Record<string, unknown>;

/**
 * Reads `{"smtp": {"host", "port", "from", …}, "webhook": {"endpoints": {"<name>": {"url", "secrets"}}}}`.
 * Throws one `Error` with every fault, one a line, each with its place; values that may be secret are not repeated.
 */
export function readProvidersFile(text: string, env: NodeJS.ProcessEnv = process.env): ProvidersConfig {
  const reader = new Reader(env);
  const root = reader.object(parse(text), '', ['smtp', 'webhook']);
  const config: ProvidersConfig = {
    smtp: root['smtp'] === undefined ? null : readSmtp(reader, root['smtp']),
    webhooks: root['webhook'] === undefined ? [] : readWebhooks(reader, root['webhook']),
  };
  if (reader.faults.length > 0) throw new Error(reader.faults.join('\n'));
  return config;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the file is not JSON');
  }
}

function readSmtp(reader: Reader, value: unknown): SmtpSettings {
  const known = [
    'host',
    'port',
    'secure',
    'require_tls',
    'user',
    'password',
    'from',
    'message_id_domain',
    'max_connections',
    'rate_per_s',
  ];
  const smtp = reader.object(value, '/smtp', known);
  const from = reader.text(smtp, '/smtp', 'from');
  const user = smtp['user'] === undefined ? null : reader.text(smtp, '/smtp', 'user');
  const password = smtp['password'] === undefined ? null : reader.secret(smtp['password'], '/smtp/password');
  if ((user === null) !== (smtp['password'] === undefined)) reader.fault('/smtp', 'user and password come together');
  const domain = /@([A-Za-z0-9.-]+)>?$/.exec(from)?.[1];
  if (from !== '' && (domain === undefined || /[\r\n]/.test(from))) {
    reader.fault('/smtp/from', 'must be an address or Name <address>');
  }
  return {
    host: reader.text(smtp, '/smtp', 'host'),
    port: reader.integer(smtp, '/smtp', 'port', { min: 1, max: 65_535, default: 587 }),
    secure: reader.flag(smtp, '/smtp', 'secure'),
    require_tls: reader.flag(smtp, '/smtp', 'require_tls'),
    user,
    password,
    from,
    message_id_domain:
      smtp['message_id_domain'] === undefined ? (domain ?? '') : reader.text(smtp, '/smtp', 'message_id_domain'),
    max_connections: reader.integer(smtp, '/smtp', 'max_connections', {
      min: 1,
      max: 200,
      default: DEFAULT_SMTP_CONNECTIONS,
    }),
    rate_per_s: reader.rate(smtp, '/smtp'),
  };
}

function readWebhooks(reader: Reader, value: unknown): WebhookEndpoint[] {
  const webhook = reader.object(value, '/webhook', ['endpoints']);
  const endpoints = reader.object(webhook['endpoints'], '/webhook/endpoints', null);
  return Object.entries(endpoints).map(([name, entry]) => {
    const place = `/webhook/endpoints/${name}`;
    if (!ENDPOINT_NAME.test(name)) reader.fault(place, `a name matches ${ENDPOINT_NAME.source}`);
    const endpoint = reader.object(entry, place, [
      'url',
      'secrets',
      'concurrency',
      'rate_per_s',
      'conflict_means_known',
    ]);
    return {
      name,
      url: readUrl(reader, reader.text(endpoint, place, 'url'), `${place}/url`),
      secrets: readSecrets(reader, endpoint['secrets'], `${place}/secrets`),
      concurrency: reader.integer(endpoint, place, 'concurrency', {
        min: 1,
        max: 1_000,
        default: DEFAULT_WEBHOOK_CONCURRENCY,
      }),
      rate_per_s: reader.rate(endpoint, place),
      conflict_means_known: reader.flag(endpoint, place, 'conflict_means_known'),
    };
  });
}

function readUrl(reader: Reader, text: string, place: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    !url ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    url.hash !== ''
  ) {
    if (text !== '') reader.fault(place, 'must be an http or https URL without user, password and fragment');
    return new URL('http://invalid.invalid');
  }
  if (isForbiddenAddress(url.hostname.replace(/^\[|\]$/g, ''))) {
    reader.fault(place, 'names a link-local or metadata address');
  }
  return url;
}

function readSecrets(reader: Reader, value: unknown, place: string): SecretSource[] {
  if (!Array.isArray(value) || value.length === 0) {
    reader.fault(place, 'must be a list of at least one reference to a secret');
    return [];
  }
  return value.flatMap((reference: unknown, index) => {
    const secret = reader.secret(reference, `${place}/${index}`, signingKey);
    return secret ? [secret] : [];
  });
}

/** Reads members and collects faults instead of stopping at the first. */
class Reader {
  readonly faults: string[] = [];

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  fault(place: string, expected: string): void {
    this.faults.push(`${place === '' ? '/' : place}: ${expected}`);
  }

  object(value: unknown, place: string, known: readonly string[] | null): Members {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.fault(place, 'must be an object');
      return {};
    }
    for (const name of Object.keys(value)) {
      if (known && !known.includes(name)) this.fault(`${place}/${name}`, `no such member; known: ${known.join(', ')}`);
    }
    return value as Members;
  }

  text(of: Members, place: string, name: string): string {
    const value = of[name];
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
    this.fault(`${place}/${name}`, 'must be a text that is not empty');
    return '';
  }

  integer(of: Members, place: string, name: string, range: { min: number; max: number; default: number }): number {
    const value = of[name] ?? range.default;
    if (Number.isInteger(value) && (value as number) >= range.min && (value as number) <= range.max) {
      return value as number;
    }
    this.fault(`${place}/${name}`, `must be a whole number from ${range.min} to ${range.max}`);
    return range.default;
  }

  /** No limit where it is left out. */
  rate(of: Members, place: string): number | null {
    if (of['rate_per_s'] === undefined) return null;
    return this.integer(of, place, 'rate_per_s', { min: 1, max: 100_000, default: 0 });
  }

  flag(of: Members, place: string, name: string): boolean {
    const value = of[name] ?? false;
    if (typeof value !== 'boolean') this.fault(`${place}/${name}`, 'must be true or false');
    return value === true;
  }

  secret(reference: unknown, place: string, check?: SecretCheck): SecretSource | null {
    try {
      return resolveSecret(typeof reference === 'string' ? reference : '', this.env, check);
    } catch (error) {
      this.fault(place, (error as Error).message);
      return null;
    }
  }
}
