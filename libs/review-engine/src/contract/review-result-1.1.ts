/** Contract 1.1 (CON-3): contract 1.0 and four more optional fields of a finding. JSON Schema 2020-12, published as it stands. */
export const REVIEW_RESULT_1_1 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:assay:schema:review-result:1.1',
  title: 'Review result 1.1',
  description:
    'The canonical form. Assay also takes what it can coerce to this form without guessing: surrounding white space, ' +
    'backslashes in file, whole numbers written as strings. Limits in bytes, unique ids, end_line >= line and known ' +
    'files are judged beside this schema.',
  type: 'object',
  required: ['schema_version', 'prompt_version', 'findings'],
  additionalProperties: false,
  properties: {
    schema_version: {
      type: 'string',
      pattern: '^(?:0|[1-9][0-9]{0,8})\\.(?:0|[1-9][0-9]{0,8})$',
      description: 'MAJOR.MINOR of the contract that the result was written to.',
    },
    prompt_version: {
      type: 'string',
      pattern: '^(?:0|[1-9][0-9]{0,8})\\.(?:0|[1-9][0-9]{0,8})(?:\\.(?:0|[1-9][0-9]{0,8}))?$',
      description: "MAJOR.MINOR or MAJOR.MINOR.PATCH of the reviewer's prompt.",
    },
    findings: { type: 'array', items: { $ref: '#/$defs/finding' } },
    summary: { type: 'string', pattern: '^(?:\\S(?:[\\s\\S]*\\S)?)?$' },
    meta: { type: 'object', description: 'Free; kept as it is.' },
  },
  $defs: {
    position: { type: 'integer', minimum: 1, maximum: 9007199254740991 },
    finding: {
      type: 'object',
      required: ['id', 'severity', 'category', 'title', 'file', 'line', 'message'],
      additionalProperties: false,
      // The order in which a dropped finding's first reason is looked for (VAL-5).
      properties: {
        id: { type: 'string', pattern: '^\\S(?:[\\s\\S]*\\S)?$', description: 'Unique in the result.' },
        severity: { type: 'string', enum: ['critical', 'high', 'medium', 'low', 'info'] },
        category: {
          type: 'string',
          enum: ['correctness', 'security', 'performance', 'reliability', 'maintainability', 'style', 'test'],
        },
        title: { type: 'string', pattern: '^\\S(?:[\\s\\S]*\\S)?$' },
        file: {
          type: 'string',
          pattern: '^\\S(?:[\\s\\S]*\\S)?$',
          not: { pattern: '\\\\|(?:^|/)\\.{1,2}(?:/|$)|[^/]/{2}|^/{3}|/$|^//(?:.*/)?[^/]+[#@][^/]*$' },
          description: 'A changed file in normal form.',
        },
        line: { $ref: '#/$defs/position' },
        message: { type: 'string', pattern: '^\\S(?:[\\s\\S]*\\S)?$' },
        end_line: { $ref: '#/$defs/position', description: 'Not before line.' },
        suggestion: { type: 'string', pattern: '^(?:\\S(?:[\\s\\S]*\\S)?)?$' },
        confidence: { type: 'string', enum: ['high', 'medium', 'low'] },
        rule_id: { type: 'string', pattern: '^(?:\\S(?:[\\s\\S]*\\S)?)?$' },
        column: { $ref: '#/$defs/position', description: 'First column of the place, from 1.' },
        end_column: { $ref: '#/$defs/position', description: 'Last column of the place.' },
        cwe: { type: 'string', pattern: '^CWE-[0-9]+$', description: 'Common Weakness Enumeration id.' },
        fingerprint: {
          type: 'string',
          minLength: 8,
          maxLength: 128,
          pattern: '^\\S(?:[\\s\\S]*\\S)?$',
          description: 'Names the same claim across runs, 8 to 128 characters.',
        },
      },
    },
  },
} as const;
