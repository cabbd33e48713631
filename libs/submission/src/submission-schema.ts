import { CHANNEL_PATTERN } from '@assay/contracts';
import { READINGS, TRUNCATED } from '@assay/review-engine';

const CHANGED_PATH = { type: 'string', minLength: 1, maxLength: 1_024, pattern: '\\S' } as const;

/**
 * JSON Schema of what `readSubmission` takes, for documents of an API: lengths in characters where the code counts
 * bytes, so it takes a little that the code refuses, and refuses nothing that the code takes.
 */
export const SUBMISSION_SCHEMA = {
  type: 'object',
  required: ['changelist_id', 'review_version', 'changed_files', 'recipients', 'review_result'],
  additionalProperties: false,
  properties: {
    idempotency_key: {
      type: 'string',
      pattern: '^[\\x21-\\x7e]+$',
      maxLength: 512,
      description: 'Here or in the header, where both the same. A quoted key is the bare one.',
    },
    changelist_id: {
      anyOf: [
        { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
        { type: 'string', pattern: '^[A-Za-z0-9._:/@#+-]{1,128}$' },
      ],
    },
    review_version: { type: 'integer', minimum: 1, maximum: 2_147_483_647 },
    rerun: { type: 'boolean', default: false },
    priority: { type: 'integer', minimum: 0, maximum: 9, default: 5 },
    changed_files: {
      type: 'array',
      minItems: 1,
      maxItems: 20_000,
      items: {
        anyOf: [
          CHANGED_PATH,
          {
            type: 'object',
            required: ['path'],
            additionalProperties: false,
            properties: {
              path: CHANGED_PATH,
              previous_path: {
                ...CHANGED_PATH,
                type: ['string', 'null'],
                description: 'What the file was called before: a finding under that name moves to `path`.',
              },
            },
          },
        ],
      },
      description: 'Paths as the version control names them, at most 2 MiB in all.',
    },
    root: {
      type: ['string', 'null'],
      minLength: 1,
      maxLength: 1_024,
      pattern: '^\\s*(/|\\\\\\\\|[A-Za-z]:[/\\\\])',
      description:
        'A depot root (`//depot/path`), put before relative paths; or a workspace root (an absolute path: `/path`, `C:\\path`, `\\\\host\\share`), taken off the paths below it (VAL-6).',
    },
    case_insensitive_paths: { type: 'boolean', default: false },
    recipients: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      description: 'Each once, compared as they are told: mail domains in lower case and punycode.',
      items: {
        type: 'object',
        required: ['channel', 'address'],
        additionalProperties: false,
        properties: {
          channel: {
            type: 'string',
            pattern: CHANNEL_PATTERN.source,
            description: 'Those that begin with `x-` are served by providers of the installation.',
          },
          address: {
            type: 'string',
            maxLength: 512,
            description: 'A mail address for `email`; for every other channel the name of a configured endpoint.',
          },
        },
      },
    },
    review_result: {
      anyOf: [{ type: 'string' }, { type: 'object' }],
      description:
        "The reviewer's raw output as text, or the JSON object itself. What is wrong with it is no fault of the request.",
    },
    review_result_format: { type: 'string', enum: ['json'], default: 'json' },
  },
} as const;

/** How results are read, for all or for one source (VAL-15, VAL-16, VAL-18). */
const READING_PROPERTIES = {
  reading: { type: 'string', enum: READINGS, default: 'lenient' },
  truncated: { type: 'string', enum: TRUNCATED, default: 'reject' },
  aliases: {
    type: 'object',
    additionalProperties: { type: 'object', additionalProperties: { type: 'string' } },
    description:
      'By field, words and the word of the closed list that each stands for. In place of the table that ships (docs/reason-codes.md).',
  },
} as const;

/** The same for a dry run, which may leave out whom to tell and under which key, and bring a reading to try. */
export const DRY_RUN_SCHEMA = {
  ...SUBMISSION_SCHEMA,
  required: SUBMISSION_SCHEMA.required.filter((name) => name !== 'recipients'),
  properties: {
    ...SUBMISSION_SCHEMA.properties,
    policy: {
      type: 'object',
      additionalProperties: false,
      description:
        'How to read, in place of what this service has for the source: what `ASSAY_REVIEW_POLICY_FILE` may hold. What it leaves out is as by default.',
      properties: {
        ...READING_PROPERTIES,
        sources: {
          type: 'object',
          additionalProperties: { type: 'object', additionalProperties: false, properties: READING_PROPERTIES },
        },
      },
    },
  },
} as const;
