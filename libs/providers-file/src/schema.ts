import { CATEGORIES, CONFIDENCES, SEVERITIES } from '@assay/contracts';
import { MAIL_SERVICES } from './mail-services/index.js';
import { MEANINGS } from './meanings.js';
import { SLACK_DEFAULTS } from './slack.settings.js';

const object = <P extends Record<string, unknown>>(properties: P, ...required: (keyof P & string)[]) =>
  ({ type: 'object', additionalProperties: false, required, properties }) as const;
const named = <V>(values: V) => ({ type: 'object', propertyNames: name, additionalProperties: values }) as const;

const secret = {
  type: 'string',
  minLength: 1,
  description: 'A reference to a secret, `env:NAME`, `file:/path` or `vault:mount/path#key`; never the secret itself.',
} as const;
const httpUrl = {
  type: 'string',
  pattern: '^https?://[^@#]+$',
  description: 'An http or https URL without user, password and fragment.',
} as const;
const text = { type: 'string', pattern: '\\S' } as const;
const name = { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$' } as const;
const sender = {
  type: 'string',
  pattern: '^[^\\r\\n]*@[A-Za-z0-9.-]+>?$',
  description: '`Name <address>` or an address; the sender of every mail.',
} as const;
const rate_per_s = {
  type: 'integer',
  minimum: 1,
  maximum: 100_000,
  description: 'Sends that may begin in a second, per replica; without it there is no limit.',
} as const;
const concurrency = (of: number) =>
  ({
    type: 'integer',
    minimum: 1,
    maximum: 1_000,
    default: of,
    description: 'Requests under way at once, per replica.',
  }) as const;
const max_bytes = {
  type: 'integer',
  minimum: 2_000,
  description:
    'What is longer, or is refused for its size, goes out in a compact form of at most so many bytes; without it there is none.',
} as const;
const security = {
  ca: { ...secret, description: 'A reference to the certificates (PEM) that are trusted instead of the usual ones.' },
  client_certificate: {
    ...object({ cert: secret, key: secret }, 'cert', 'key'),
    description: 'References to certificate and key (PEM).',
  },
} as const;
const ms = (description: string) => ({ type: 'integer', minimum: 1, maximum: 2_592_000_000, description }) as const;
const schedule = {
  ...object({
    quick_attempts: { type: 'integer', minimum: 1, maximum: 1_000, description: 'Attempts of the quick phase.' },
    retry_first_ms: ms('Upper bound of the first wait of the quick phase; doubles.'),
    retry_cap_ms: ms('Upper bound of every wait of the quick phase.'),
    patient_first_ms: ms('First wait of the patient phase, give or take 20 %; doubles.'),
    patient_cap_ms: ms('Upper bound of every wait of the patient phase.'),
    give_up_after_ms: { ...ms('Since the first attempt of the generation; one more attempt follows.'), minimum: 100 },
  }),
  description: "What of the schedule is the destination's own; the notifier's settings say the rest.",
} as const;
const rules = {
  schedule,
  min_severity: { type: 'string', enum: SEVERITIES, description: 'Findings of this severity or worse are told.' },
  min_confidence: {
    type: 'string',
    enum: CONFIDENCES,
    description: 'Findings of this confidence or surer are told; those without one are, too.',
  },
  categories: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: { type: 'string', enum: CATEGORIES },
    description: 'Findings of these categories are told.',
  },
  skip_empty: {
    type: 'boolean',
    description: 'Nobody is told where no finding is left; false, unless said: the counts are told all the same.',
  },
} as const;
const mailRules = {
  via: { ...text, description: '`smtp` or the name of a mail service: who sends this mail.' },
  max_bytes: { ...max_bytes, description: 'As of the server or service, and in its place.' },
  ...rules,
} as const;
const header = { pattern: '^[a-z0-9-]{1,60}$' } as const;
const conflict_means_known = {
  type: 'boolean',
  default: false,
  description: 'A conflict about a key says that it was accepted before; otherwise it proves nothing.',
} as const;

const smtp = {
  ...object(
    {
      host: text,
      port: { type: 'integer', minimum: 1, maximum: 65_535, default: 587 },
      secure: { type: 'boolean', default: false, description: 'TLS from the first byte; else STARTTLS where offered.' },
      require_tls: { type: 'boolean', default: false, description: 'Refuse to send without STARTTLS.' },
      user: text,
      password: secret,
      from: sender,
      ...security,
      message_id_domain: { ...text, description: "Right-hand side of the Message-ID; the sender's domain without it." },
      max_connections: { type: 'integer', minimum: 1, maximum: 200, default: 8 },
      rate_per_s,
      max_bytes,
    },
    'host',
    'from',
  ),
  dependentRequired: { user: ['password'], password: ['user'] },
};

const meanings = { type: 'object', additionalProperties: { type: 'string', enum: MEANINGS } } as const;
const pointer = { type: 'string', pattern: '^(/.*)?$', description: 'A JSON pointer (RFC 6901).' } as const;
const path = { type: 'string', pattern: '^/' } as const;
const lookup = object({ path, id: pointer }, 'path', 'id');
const template = { type: 'object', description: 'JSON; its texts may hold placeholders.' } as const;

const mapping = {
  ...object({
    auth: {
      type: 'object',
      required: ['scheme'],
      oneOf: [
        object({ scheme: { const: 'bearer' } }, 'scheme'),
        object({ scheme: { const: 'basic' }, user: text }, 'scheme', 'user'),
        object({ scheme: { const: 'header' }, name: text }, 'scheme', 'name'),
      ],
    },
    send: object(
      {
        path,
        encoding: { type: 'string', enum: ['json', 'form'] },
        headers: { type: 'object', additionalProperties: { type: 'string' } },
        body: template,
      },
      'path',
      'encoding',
      'headers',
      'body',
    ),
    message_id: {
      type: 'object',
      oneOf: [object({ header: text }, 'header'), object({ pointer }, 'pointer')],
      description: 'Where the answer to a send has the id of the message.',
    },
    remembers_key_ms: {
      type: ['integer', 'null'],
      minimum: 1,
      description: 'For how long a second request under a key counts for the first; null: it knows no keys.',
    },
    lookup: {
      anyOf: [
        { type: 'null' },
        object(
          { by_key: lookup, by_id: { anyOf: [{ type: 'null' }, lookup] }, lag_ms: { type: 'integer', minimum: 0 } },
          'by_key',
          'by_id',
          'lag_ms',
        ),
      ],
    },
    refusals: object(
      { code: { anyOf: [{ type: 'null' }, pointer] }, codes: meanings, statuses: meanings },
      'code',
      'codes',
      'statuses',
    ),
  }),
  description: 'How the service is spoken to; with `like` only what differs.',
};

const mailApi = named(
  object(
    {
      like: { type: 'string', enum: Object.keys(MAIL_SERVICES), description: 'A service that is known.' },
      url: { ...httpUrl, description: 'Without it, that of the service named by `like`.' },
      token: secret,
      from: sender,
      domain: { ...text, description: "The sending domain; the sender's without it." },
      concurrency: concurrency(8),
      rate_per_s,
      max_bytes,
      conflict_means_known,
      ...security,
      mapping,
    },
    'token',
    'from',
  ),
);

/** JSON Schema of the providers file, as it is checked and published. */
export const PROVIDERS_FILE_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: "The notifier's providers file (ASSAY_NOTIFIER_CONFIG_FILE)",
  ...object({
    $schema: { type: 'string' },
    smtp,
    mail_api: object({ services: mailApi }, 'services'),
    mail: object({
      ...mailRules,
      domains: {
        type: 'object',
        propertyNames: { pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' },
        additionalProperties: object(mailRules),
      },
    }),
    webhook: object(
      {
        endpoints: named(
          object(
            {
              url: httpUrl,
              secrets: {
                type: 'array',
                minItems: 1,
                items: secret,
                description: 'Standard Webhooks secrets; each signs.',
              },
              concurrency: concurrency(32),
              rate_per_s,
              max_bytes,
              conflict_means_known,
              headers: {
                type: 'object',
                propertyNames: header,
                additionalProperties: { type: 'string', pattern: '^[\\x20-\\x7e]*$' },
                description: 'Sent with every request, by lower-case name.',
              },
              secret_headers: { type: 'object', propertyNames: header, additionalProperties: secret },
              ...rules,
              bearer: { ...secret, description: 'A reference to a token, sent as `Authorization: Bearer`.' },
              ...security,
            },
            'url',
            'secrets',
          ),
        ),
      },
      'endpoints',
    ),
    slack: object(
      {
        hooks: named(
          object(
            {
              url: {
                ...secret,
                description:
                  'A reference to the whole URL, which is a secret: `env:NAME`, `file:/path` or `vault:mount/path#key`.',
              },
              concurrency: concurrency(SLACK_DEFAULTS.concurrency),
              rate_per_s: { ...rate_per_s, default: SLACK_DEFAULTS.rate_per_s },
              ...rules,
              ...security,
            },
            'url',
          ),
        ),
      },
      'hooks',
    ),
    own: {
      type: 'object',
      description: 'Providers of the installation itself, by their channel (docs/providers.md).',
      propertyNames: { pattern: '^x-[a-z0-9](?:-?[a-z0-9]){0,30}$' },
      additionalProperties: object(
        {
          module: { type: 'string', pattern: '^/', description: 'Absolute path of an ES module.' },
          settings: { description: 'What is given to its create().' },
          ...rules,
        },
        'module',
      ),
    },
  }),
} as const;
