import { DEFAULT_ALIASES } from './aliases.js';
import type { Aliases } from './reading.js';

/** What a diagnostic says was done. A code may come with more than one: `kind` is the usual one. */
export const DIAGNOSTIC_KINDS = ['coercion', 'repair', 'drop', 'rejection', 'warning'] as const;
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
export const REASON_CODES_VERSION = '1.1';

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
    remedy:
      'Print the JSON document alone: no prose before or after it, nothing cut off. The explanation says where it breaks.',
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
    example: { in: '"file": ".\\\\src\\\\a.c"', out: '"file": "src/a.c"' },
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
    meaning:
      'A field of a newer contract minor than this parser knows was left out. Under the lenient reading, so is any other field that the contract does not know.',
    example: { in: '"schema_version": "1.7", … "effort": "small"', out: 'the result without effort' },
    remedy: 'Look for a misspelt name; a field of a newer minor is kept once that minor is registered.',
    since: '0.1.0',
  },
  code_fence_removed: {
    kind: 'repair',
    kinds: ['repair'],
    meaning: 'A code fence around the whole answer was taken off.',
    example: { in: '```json {"schema_version": …} ```', out: 'the document in it' },
    remedy: 'Print the JSON document without a fence.',
    since: '0.1.0',
  },
  trailing_comma_removed: {
    kind: 'repair',
    kinds: ['repair'],
    meaning: 'A comma before a closing bracket was taken out.',
    example: { in: '[{"id": "F1", …},]', out: '[{"id": "F1", …}]' },
    remedy: 'Write a comma only between two members; a JSON library does so.',
    since: '0.1.0',
  },
  control_character_escaped: {
    kind: 'repair',
    kinds: ['repair'],
    meaning: 'A line break, tab or other control character stood raw in a string.',
    example: { in: '"message": "a (line break) b"', out: '"message": "a\\nb"' },
    remedy: 'Write \\n and \\t in strings; a JSON library does so.',
    since: '0.1.0',
  },
  invalid_escape_escaped: {
    kind: 'repair',
    kinds: ['repair'],
    meaning: 'A backslash stood before a character that JSON does not know; it was taken as a backslash itself.',
    example: { in: '"message": "use \\d+"', out: '"message": "use \\\\d+"' },
    remedy: 'Write a backslash twice; a JSON library does so.',
    since: '0.1.0',
  },
  response_truncated: {
    kind: 'warning',
    kinds: ['warning'],
    meaning: 'The answer was cut off; the findings that had come whole were kept.',
    example: { in: '{"schema_version": …, "findings": [{…}, {"id": "F2", "sev', out: 'the first finding' },
    remedy: 'Ask for fewer or shorter findings, or allow a longer answer: what was cut off is lost.',
    since: '0.1.0',
  },
  null_removed: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'An optional field was null and was taken for absent.',
    example: { in: '"suggestion": null', out: 'the finding without suggestion' },
    remedy: 'None needed; leave the field out.',
    since: '0.1.0',
  },
  letter_case_folded: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'A word of a closed list was written in other letter case.',
    example: { in: '"severity": "HIGH"', out: '"severity": "high"' },
    remedy: 'None needed; write the words of the lists in lower case.',
    since: '0.1.0',
  },
  alias_mapped: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'A usual word was taken for the one of the closed list that it stands for, by the table of aliases.',
    example: { in: '"category": "bug"', out: '"category": "correctness"' },
    remedy: "Use the words of the list; the table of aliases is the policy's.",
    since: '0.1.0',
  },
  optional_field_removed: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'An optional field could not be used and was left out; cause names the code that it would have had.',
    example: { in: '"confidence": 0.87', out: 'the finding without confidence' },
    remedy: 'Write the field as the contract asks, or leave it out.',
    since: '0.1.0',
  },
  number_converted_to_string: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'An id or rule_id was written as a whole number.',
    example: { in: '"id": 7', out: '"id": "7"' },
    remedy: 'None needed; write ids in quotes.',
    since: '0.1.0',
  },
  duplicate_id_renamed: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'Another finding has this id, and says something else: this one got an id of its own.',
    example: { in: 'two different findings with "id": "F1"', out: 'F1 and F1~2' },
    remedy: 'Give each finding an id of its own.',
    since: '0.1.0',
  },
  line_defaulted: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'The finding names no line (0, null or none): it was taken as one about the whole file, at line 1.',
    example: { in: '"line": 0', out: '"line": 1' },
    remedy: 'Name a line from 1; for a finding about a whole file write 1.',
    since: '0.1.0',
  },
  string_parsed: {
    kind: 'coercion',
    kinds: ['coercion'],
    meaning: 'findings was the text of a JSON list instead of the list; pointers run through the text.',
    example: { in: '"findings": "[{\\"id\\": \\"F1\\", …}]"', out: '"findings": [{"id": "F1", …}]' },
    remedy: 'Write the list itself, without quotes around it.',
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
  /** What `alias_mapped` knows unless a policy says otherwise, by field (VAL-18). */
  aliases: Aliases;
  codes: ({ code: ReasonCode } & ReasonCodeEntry)[];
}

/** The catalogue as `GET /v1/reason-codes` and `assayctl reason-codes --json` give it. */
export function reasonCodesDocument(): ReasonCodesDocument {
  const entries = Object.entries(REASON_CODES) as [ReasonCode, ReasonCodeEntry][];
  return {
    version: REASON_CODES_VERSION,
    aliases: DEFAULT_ALIASES,
    codes: entries.map(([code, entry]) => ({ code, ...entry })),
  };
}
