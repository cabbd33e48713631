import { isUtf8 } from 'node:buffer';
import { isSecretReference } from '@assay/security';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { faultAt, Faults, ProvidersFileError, schemaFault, tellsMost } from './faults.js';
import type { ProvidersFile } from './file-shape.js';
import type { MailApiService } from './mail-api.settings.js';
import type { MailRoute } from './mail-route.js';
import type { OwnProviderSettings } from './own.settings.js';
import { readOwn, readSlackHook, readWebhook } from './read-endpoints.js';
import { entries } from './read-entries.js';
import { readMailApi, readMailRoute, readSmtp } from './read-mail.js';
import { EMPTY_RULES_BOOK, readRules } from './rules.js';
import type { RulesBook } from './rules.js';
import { PROVIDERS_FILE_SCHEMA } from './schema.js';
import type { SlackHook } from './slack.settings.js';
import type { SmtpSettings } from './smtp.settings.js';
import type { WebhookEndpoint } from './webhook.settings.js';

/** What a providers file says, with its secrets resolved. */
export interface ProvidersConfig {
  smtp: SmtpSettings | null;
  mail_apis: MailApiService[];
  mail_route: MailRoute;
  webhooks: WebhookEndpoint[];
  slack_hooks: SlackHook[];
  own: OwnProviderSettings[];
  rules: RulesBook;
  /** Ends the watching of secrets that are files; their last values stand. */
  close(): void;
}

export interface ReadingOptions {
  env?: NodeJS.ProcessEnv;
  /** False: references to secrets are judged by their form alone, and what is made of the file cannot send. */
  resolve_secrets?: boolean;
}

let compiled: ValidateFunction<ProvidersFile> | undefined;

/** Compiled with the first file: it takes a quarter of a second, and most of who loads this reads none. */
function validator(): ValidateFunction<ProvidersFile> {
  const ajv = (): Ajv2020 => new Ajv2020({ allErrors: true, useDefaults: true, allowUnionTypes: true });
  return (compiled ??= ajv().compile<ProvidersFile>(PROVIDERS_FILE_SCHEMA));
}

/**
 * The one judgement of a providers file (DEL-6): by its schema (docs/schemas/providers-file.json), and then by what no
 * schema can say. Throws one {@link ProvidersFileError} with every fault.
 */
export function readProvidersFile(content: Buffer | string, options: ReadingOptions = {}): ProvidersConfig {
  const { env = process.env, resolve_secrets = true } = options;
  const file = parse(textOf(content));
  const validate = validator();
  const found = validate(file) ? [] : (validate.errors ?? []).filter(tellsMost).map(schemaFault);
  const faults = new Faults(found, { env, resolve: resolve_secrets });
  const { smtp = null, mail_api, mail, webhook, slack, own } = (faults.at('') ? {} : file) as ProvidersFile;
  const config: ProvidersConfig = {
    smtp: smtp === null || faults.within('/smtp') ? null : readSmtp(faults, smtp),
    mail_apis: entries(faults, '/mail_api/services', mail_api?.services, readMailApi),
    mail_route: { by_domain: new Map(), otherwise: null },
    webhooks: entries(faults, '/webhook/endpoints', webhook?.endpoints, readWebhook),
    slack_hooks: entries(faults, '/slack/hooks', slack?.hooks, readSlackHook),
    own: entries(faults, '/own', own, readOwn),
    rules: EMPTY_RULES_BOOK,
    close: () => faults.secrets.forEach((secret) => secret.close()),
  };
  if (!faults.within('/mail')) config.mail_route = readMailRoute(faults, mail ?? {}, smtp !== null, mail_api?.services);
  faults.throwIfAny();
  config.rules = rulesBook(file as ProvidersFile);
  return config;
}

/**
 * Every reference in a providers file, of the installation's own providers too, to be fetched before the file is read. None
 * where the file cannot be parsed.
 */
export function secretReferencesIn(content: Buffer | string): string[] {
  const found = new Set<string>();
  try {
    JSON.parse(textOf(content), (_member, value: unknown) => {
      if (typeof value === 'string' && isSecretReference(value)) found.add(value);
      return value;
    });
  } catch {
    return [];
  }
  return [...found];
}

/** Of a file without a fault. */
function rulesBook({ mail = {}, webhook, slack, own }: ProvidersFile): RulesBook {
  const named = { webhook: webhook?.endpoints, slack: slack?.hooks };
  const by_recipient = Object.entries(named).flatMap(([channel, all = {}]) =>
    Object.entries(all).map(
      ([name, entry]) => [`${channel}:${name}`, readRules({ ...entry, max_bytes: undefined })] as const,
    ),
  );
  const by_channel = Object.entries(own ?? {}).map(([channel, entry]) => [channel, readRules(entry)] as const);
  const otherwise = readRules(mail);
  const by_domain = Object.entries(mail.domains ?? {}).map(
    ([domain, entry]) => [domain, readRules(entry, otherwise)] as const,
  );
  return {
    by_recipient: new Map([...by_recipient, ...by_channel]),
    mail: { by_domain: new Map(by_domain), otherwise },
  };
}

function textOf(content: Buffer | string): string {
  if (typeof content !== 'string' && !isUtf8(content)) {
    throw new ProvidersFileError([faultAt('not_utf8', '', 'the file is not UTF-8')]);
  }
  const text = content.toString();
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ProvidersFileError([faultAt('not_json', '', `the file is not JSON${placeOf(text, error)}`)]);
  }
}

/** Told and never decided by (GEN-7): the parser says the place nowhere else, and the rest of its message quotes the file. */
function placeOf(text: string, error: unknown): string {
  // eslint-disable-next-line no-restricted-syntax
  const [, position] = /at position (\d+)/.exec((error as Error).message) ?? [];
  if (position === undefined) return text.trim() === '' ? ': it is empty' : '';
  const before = text.slice(0, Number(position)).split('\n');
  return `: line ${before.length}, column ${before.at(-1)!.length + 1}`;
}
