/** What a diagnostic says was done. A code may come with more than one: `kind` is the usual one. */
export const DIAGNOSTIC_KINDS = ['coercion', 'drop', 'rejection', 'warning'] as const;
export type DiagnosticKind = (typeof DIAGNOSTIC_KINDS)[number];

export interface ReasonCodeEntry {
  /** The usual kind. */
  kind: DiagnosticKind;
  /** Every kind that it comes with. */
  kinds: readonly DiagnosticKind[];
  meaning: string;
  example: { in: string; out: string };
  /** For the author of the reviewer. */
  remedy: string;
  /** The release that brought it. */
  since: string;
}

/** Rises with every code added or meaning changed (VAL-9). */
export const REASON_CODES_VERSION = '1.0';

/**
 * The closed catalogue (VAL-9). The type {@link ReasonCode}, `GET /v1/reason-codes`, the docs page and the metrics'
 * labels all come from it, so that no code outside it can be emitted.
 */
export const REASON_CODES = {
  invalid_json: {
    kind: 'rejection',
    kinds: ['rejection'],
    meaning: 'The review result is not JSON.',
    example: { in: 'Here are my findings: {"schema_version": …', out: 'the response is rejected' },
    remedy: 'Print the JSON document alone: no prose before or after it, no code fence, nothing cut off.',
    since: '0.1.0',
  },
  schema_mismatch: {
    kind: 'drop',
    kinds: ['drop', 'rejection'],
    meaning: 'A field that the contract does not know, or a value that does not have the shape its field asks for.',
    example: { in: '{"id": "F1", …, "severityy": "high"}', out: 'the finding is dropped' },
    remedy: 'Use only the fields of the contract version in schema_version; look for a misspelt name.',
    since: '0.1.0',
  },
  missing_required_field: {
    kind: 'drop',
    kinds: ['drop', 'rejection'],
    meaning: 'A required field is not there.',
    example: { in: '{"id": "F1", "severity": "high", …} without line', out: 'the finding is dropped' },
    remedy: 'Give every required field; a finding about a whole file stands at line 1.',
    since: '0.1.0',
  },
  invalid_type: {
    kind: 'drop',
    kinds: ['drop', 'rejection'],
    meaning: 'A field holds another type than the contract asks for, and it cannot be converted without guessing.',
    example: { in: '"line": "12-15"', out: 'the finding is dropped' },
    remedy: 'Write numbers as numbers and text as strings; leave an optional field out instead of writing null.',
    since: '0.1.0',
  },
  empty_value: {
    kind: 'drop',
    kinds: ['drop'],
    meaning: 'A required string is empty once the white space around it is taken off.',
    example: { in: '"title": "  "', out: 'the finding is dropped' },
    remedy: 'Say something in every required string.',
    since: '0.1.0',
  },
  invalid_enum_value: {
    kind: 'drop',
    kinds: ['drop'],
    meaning: 'A word that is not in the closed list of its field.',
    example: { in: '"severity": "blocker"', out: 'the finding is dropped' },
    remedy: 'Use one of the words of the list, in lower case.',
    since: '0.1.0',
  },
  invalid_line_range: {
    kind: 'drop',
    kinds: ['drop'],
    meaning: 'A line or column below 1 (or beyond 2^53-1), or an end_line before its line.',
    example: { in: '"line": 40, "end_line": 12', out: 'the finding is dropped' },
    remedy: 'Count lines and columns from 1; end_line is the last line of the place.',
    since: '0.1.0',
  },
  duplicate_finding_id: {
    kind: 'drop',
    kinds: ['drop'],
    meaning: 'An earlier finding of the same result has this id.',
    example: { in: 'two findings with "id": "F1"', out: 'the second is dropped' },
    remedy: 'Give each finding an id of its own.',
    since: '0.1.0',
  },
  file_not_in_changed_files: {
    kind: 'drop',
    kinds: ['drop'],
    meaning: 'The file is not one of the changed files of the submission.',
    example: { in: '"file": "src/unrelated.c"', out: 'the finding is dropped' },
    remedy: 'Report on changed files only, with the path as the submission gives it, or relative to its root.',
    since: '0.1.0',
  },
  path_not_allowed: {
    kind: 'rejection',
    kinds: ['rejection'],
    meaning: 'A changed file lies outside the depots that the allow-list admits.',
    example: { in: '"changed_files": ["//depot/secret/a.c"]', out: 'the response is rejected' },
    remedy: 'Submit changes of allowed depots only, or ask the operator to extend the allow-list.',
    since: '0.1.0',
  },
  incompatible_version: {
    kind: 'rejection',
    kinds: ['rejection'],
    meaning: 'schema_version or prompt_version is not one that is understood.',
    example: { in: '"schema_version": "2.0"', out: 'the response is rejected' },
    remedy: 'Ask GET /v1/compatibility what is supported, and write one of these.',
    since: '0.1.0',
  },
  all_findings_dropped: {
    kind: 'warning',
    kinds: ['warning'],
    meaning: 'Findings were submitted and none was kept: the result is empty, though not a clean review.',
    example: { in: '3 findings, all of files outside the change', out: '"findings": []' },
    remedy: 'See the drop of each finding.',
    since: '0.1.0',
  },
  whitespace_trimmed: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'White space around a string was taken off.',
    example: { in: '"title": " Null check "', out: '"title": "Null check"' },
    remedy: 'None needed; write the string without white space around it.',
    since: '0.1.0',
  },
  path_normalized: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'The file was written in another form than the changed file that it names.',
    example: { in: '"file": ".\\\\src\\\\a.c#12"', out: '"file": "src/a.c"' },
    remedy: 'None needed; write the path as the submission gives it, with /, without a revision.',
    since: '0.1.0',
  },
  numeric_string_converted: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'A whole number was written as a string.',
    example: { in: '"line": "10"', out: '"line": 10' },
    remedy: 'None needed; write the number without quotes.',
    since: '0.1.0',
  },
  unknown_field_ignored: {
    kind: 'warning',
    kinds: ['warning'],
    meaning: 'A field of a newer contract minor than this parser knows was left out.',
    example: { in: '"schema_version": "1.7", … "effort": "small"', out: 'the result without effort' },
    remedy: 'None needed; the field is kept once that minor is registered.',
    since: '0.1.0',
  },
  limit_exceeded: {
    kind: 'drop',
    kinds: ['drop', 'rejection'],
    meaning: 'More findings, deeper nesting or a longer string than the limits allow.',
    example: { in: 'a message of 20 KiB', out: 'the finding is dropped' },
    remedy: 'Shorten the string, or split the review; nothing is ever cut silently.',
    since: '0.1.0',
  },
} as const satisfies Record<string, ReasonCodeEntry>;

export type ReasonCode = keyof typeof REASON_CODES;

export interface ReasonCodesDocument {
  version: string;
  codes: ({ code: ReasonCode } & ReasonCodeEntry)[];
}

/** The catalogue as `GET /v1/reason-codes` and `assayctl reason-codes --json` give it. */
export function reasonCodesDocument(): ReasonCodesDocument {
  const entries = Object.entries(REASON_CODES) as [ReasonCode, ReasonCodeEntry][];
  return { version: REASON_CODES_VERSION, codes: entries.map(([code, entry]) => ({ code, ...entry })) };
}
