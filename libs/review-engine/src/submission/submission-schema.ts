/**
 * JSON Schema of what {@link readSubmission} takes, for documents of an API: lengths in characters where the code counts
 * bytes, so it takes a little that the code refuses, and refuses nothing that the code takes.
 */
export const JUDGED_SUBMISSION_SCHEMA = {
  type: 'object',
  required: ['changed_files', 'review_result'],
  properties: {
    changed_files: {
      type: 'array',
      minItems: 1,
      maxItems: 20_000,
      items: { type: 'string', minLength: 1, maxLength: 1_024, pattern: '\\S' },
      description: 'Paths as the version control names them, at most 2 MiB in all.',
    },
    root: {
      type: ['string', 'null'],
      minLength: 1,
      maxLength: 1_024,
      pattern: '\\S',
      description: 'Put before a file that matches no changed file (VAL-6).',
    },
    case_insensitive_paths: { type: 'boolean', default: false },
    review_result: {
      anyOf: [{ type: 'string' }, { type: 'object' }],
      description:
        "The reviewer's raw output as text, or the JSON object itself. What is wrong with it is no fault of the request.",
    },
    review_result_format: { type: 'string', enum: ['json'], default: 'json' },
  },
} as const;
