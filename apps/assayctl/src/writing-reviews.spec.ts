import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_POLICY, REASON_CODES, SUB_REASONS } from '@assay/review-engine';
import type { Verdict } from '@assay/review-engine';
import { assayctl } from './assayctl.js';

/** docs/writing-reviews.md, tried line by line: what it tells an author of prompts is what the command does. */
const page = readFileSync(new URL('../../../docs/writing-reviews.md', import.meta.url), 'utf8');
const section = (title: string): string => page.split(/^## /m).find((part) => part.startsWith(title)) ?? '';
const jsonIn = (text: string): unknown => JSON.parse(/```json\n([^]*?)```/.exec(text)![1]!);
/** What stands in code spans of a text. */
const spans = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span!);

type Outcome = Pick<Verdict, 'outcome' | 'counts' | 'explanation'>;
const WORKSPACE = { changed_files: ['src/a.c', 'src/\u00e9.c', '//depot/a.c'], root: '/ws' };

function read(review_result: unknown, policy: object = {}): Outcome {
  let out = '';
  const submission = { changelist_id: 1, review_version: 1, ...WORKSPACE, review_result };
  const files: Record<string, unknown> = { '-': submission, policy };
  void assayctl(['validate', '-', '--json', '--policy', 'policy', '--source', 'old-reviewer'], {
    read: (file) => Buffer.from(JSON.stringify(files[file])),
    out: (text) => (out += text),
    err: (text) => (out += text),
    run: () => {
      throw new Error('runs no program');
    },
    ...{ env: {}, colour: false, columns: 100 },
  });
  return JSON.parse(out) as Outcome;
}
const codesOf = ({ counts }: Outcome) => Object.keys(counts.by_code);

const SOUND = jsonIn(section('What to write')) as { findings: Record<string, unknown>[] };
const FINDING = SOUND.findings[0]!;
const of = (...differs: Record<string, unknown>[]) => ({
  ...SOUND,
  findings: differs.map((each) => ({ ...FINDING, ...each })),
});
const TEXT = JSON.stringify(SOUND);

/** For each code of the table, answers in which a person would find as many findings. */
const FORGIVEN: Record<string, [answer: unknown, kept: number][]> = {
  code_fence_removed: [
    [`\`\`\`json\n${TEXT}\n\`\`\``, 1],
    [`\`\`\`\n${TEXT}\n\`\`\``, 1],
  ],
  trailing_comma_removed: [
    [TEXT.replace('}]', '},]'), 1],
    [TEXT.replace(/}$/, ',}'), 1],
  ],
  control_character_escaped: [[TEXT.replace('lookup() may', 'lookup()\nmay\t'), 1]],
  invalid_escape_escaped: [[TEXT.replace('lookup()', String.raw`use \d+`), 1]],
  null_removed: [[{ ...of({ suggestion: null, confidence: null }), summary: null }, 1]],
  letter_case_folded: [[of({ severity: 'HIGH' }), 1]],
  alias_mapped: [
    [of({ category: 'bug' }), 1],
    [of({ severity: 'blocker' }), 1],
  ],
  optional_field_removed: [
    [of({ confidence: 0.87 }), 1],
    [{ ...SOUND, summary: 'x'.repeat(30 * 1024) }, 1],
  ],
  unknown_field_ignored: [
    [of({ owner: 'me' }), 1],
    [{ ...SOUND, owner: 'me' }, 1],
  ],
  number_converted_to_string: [[of({ id: 7 }), 1]],
  numeric_string_converted: [[of({ line: '10' }), 1]],
  whitespace_trimmed: [[of({ severity: ' high\n' }), 1]],
  line_defaulted: [
    [of({ line: 0 }), 1],
    [of({ line: null }), 1],
    [of({ line: undefined }), 1],
  ],
  duplicate_id_renamed: [[of({}, { title: 'Another one' }), 2]],
  duplicate_finding_id: [[of({}, {}), 1]],
  string_parsed: [[{ ...SOUND, findings: JSON.stringify(SOUND.findings) }, 1]],
  path_normalized: [
    [of({ file: String.raw`.\src\a.c` }), 1],
    [of({ file: 'src/e\u0301.c' }), 1],
    [of({ file: 'file:///ws/src/a.c' }), 1],
    [of({ file: '//depot/a.c#7' }), 1],
  ],
  response_truncated: [[`${TEXT.slice(0, TEXT.indexOf(']'))},{"id":"F2","sev`, 1]],
};
const BY_STRICT = ['numeric_string_converted', 'whitespace_trimmed', 'path_normalized'];

/** By the words of the page: answers of which nothing is kept. */
const NOT_FORGIVEN: Record<string, unknown[]> = {
  'words around the JSON': [`Here is my review: ${TEXT}`, `${TEXT}\nAnything else?`],
  'a second document': [`${TEXT}\n${TEXT}`],
  'single quotes': [TEXT.replaceAll('"', "'")],
  'names without quotes': [TEXT.replace('"findings"', 'findings')],
  comments: [TEXT.replace('[', '[/* none */'), TEXT.replace('[', '[// none\n')],
  '`NaN`': [TEXT.replace('10', 'NaN')],
  '`None`': [TEXT.replace('10', 'None')],
  'a missing bracket or quote': [TEXT.slice(0, -1), TEXT.replace('"F1"', '"F1')],
  'a required field that is missing or of the wrong type': [of({ message: undefined }), of({ title: 5 })],
  'a line that is negative, fractional or a range': [of({ line: -1 }), of({ line: 1.5 }), of({ line: '10-12' })],
  '`end_line` before `line`': [of({ end_line: 9 })],
  'a severity or category that is neither in the list nor in the table': [
    of({ severity: 'urgent' }),
    of({ category: 'x' }),
  ],
  'a version that is not taken': [
    { ...SOUND, schema_version: '9.0' },
    { ...SOUND, prompt_version: '9.0.0' },
  ],
};

describe('docs/writing-reviews.md', () => {
  it('shows an answer of which nothing need be forgiven, in either reading', () => {
    for (const reading of ['lenient', 'strict']) {
      expect(read(TEXT, { reading })).toMatchObject({ outcome: 'accepted', counts: { kept: 1, by_code: {} } });
    }
  });

  it('names the words of the closed lists and the limits as they are', () => {
    const { limits } = DEFAULT_POLICY;
    const text = section('What to write');
    for (const [, field, words] of text.matchAll(/(severity|category|confidence) `([^`]+)`/g)) {
      for (const word of words!.split(' ')) expect(read(of({ [field!]: word })).counts.by_code).toEqual({});
    }
    const kib = (bytes: number) => `${bytes / 1_024} KiB`;
    const told = [
      `At most ${limits.max_findings.toLocaleString('en')} findings`,
      `${kib(limits.max_message_bytes)} a \`message\` or \`suggestion\``,
      `${kib(limits.max_summary_bytes)} a \`summary\``,
      `${kib(limits.max_string_bytes)} any other text`,
      `${limits.max_result_bytes / 1_048_576} MiB in all`,
    ];
    expect(text).toContain(told.join(', '));
    expect(codesOf(read(of({ file: 'src/other.c' })))).toContain('file_not_in_changed_files');
  });

  it('says of every lenient act what is forgiven, and it is', () => {
    const rows = section('What is forgiven')
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2);
    const told = rows.flatMap((row) => spans(row.split(' | ').at(-1)!));
    expect(told.toSorted()).toEqual(Object.keys(FORGIVEN).toSorted());
    const acts = Object.entries(REASON_CODES).filter(([, { kind }]) => kind === 'coercion' || kind === 'repair');
    expect(told).toEqual(expect.arrayContaining(acts.map(([code]) => code)));
    for (const [code, answers] of Object.entries(FORGIVEN)) {
      for (const [answer, kept] of answers) {
        const verdict = read(answer, { truncated: 'keep_complete' });
        expect({ answer, kept: verdict.counts.kept, codes: codesOf(verdict) }).toEqual({ answer, kept, codes: [code] });
      }
    }
  });

  it('says what strict forgives, and no more', () => {
    expect(page).toContain('`strict` forgives white space, digits as text and other spellings of a path alone');
    const forgiven = Object.entries(FORGIVEN)
      .filter(([, answers]) =>
        answers.every(([answer, kept]) => read(answer, { reading: 'strict' }).counts.kept === kept),
      )
      .map(([code]) => code);
    // What is dropped under both is no act of forgiving.
    expect(forgiven.filter((code) => code !== 'duplicate_finding_id').toSorted()).toEqual(BY_STRICT.toSorted());
  });

  it('says what is not forgiven, and it costs the finding or the answer', () => {
    const text = section('What is not');
    const list = text.slice(text.indexOf('answer: ') + 'answer: '.length, text.indexOf('taken.') + 'taken'.length);
    const untried = Object.keys(NOT_FORGIVEN).reduce((rest, words) => rest.replace(words, ''), list);
    expect(untried).toMatch(/^[\s,;]*(and )?[\s,;]*$/);
    for (const [words, answers] of Object.entries(NOT_FORGIVEN)) {
      expect(list).toContain(words);
      for (const answer of answers) expect([answer, read(answer).counts.kept]).toEqual([answer, 0]);
    }
    const reasons = spans(text.slice(text.indexOf('one of')));
    expect(reasons).toEqual([...SUB_REASONS]);
  });

  it('shows a policy that does what the page says of it', () => {
    const policy = jsonIn(section('The policy')) as { sources: object };
    const { sources: _sources, ...common } = policy;
    expect(read(of({ severity: 'P0' }), common).counts).toMatchObject({ kept: 1, by_code: { alias_mapped: 1 } });
    expect(read(of({ severity: 'blocker' }), common).counts.kept).toBe(0);
    expect(read(FORGIVEN['response_truncated']![0]![0], common).counts.kept).toBe(1);
    expect(read(of({ severity: 'HIGH' }), policy).counts.kept).toBe(0);
    expect(read(of({ severity: 'blocker' }), { aliases: {} }).counts.kept).toBe(0);
  });
});
