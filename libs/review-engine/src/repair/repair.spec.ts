import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge, judgeLeniently } from '../engine/samples.js';
import { edited, readText } from './index.js';

const compact = JSON.stringify(aResult());

/** The text with its edits, parsed, and the edits' codes with their places. */
function repairOf(text: string) {
  const read = readText(text, true);
  expect(read.fault).toBeNull();
  return { text: edited(text, read, read.end), edits: read.edits.map(({ code, at }) => [code, at]) };
}

describe('edits', () => {
  it.each([
    ['```json\n{"a":1}\n```', '{"a":1}\n'],
    ['```\n{"a":1}\n```', '{"a":1}\n'],
    [' \n```JSON \r\n{"a":"```"}```\n', '{"a":"```"}'],
    ['````json\n{"a":1}\n````', '{"a":1}\n'],
    ['\ufeff```json\n{"a":1}\n```', '{"a":1}\n'],
  ])('VAL-16.b takes off the fence of %j', (text, inner) => {
    expect(repairOf(text)).toEqual({ text: inner, edits: [['code_fence_removed', text.indexOf('`')]] });
  });

  it.each([
    ['{"a":[1,2,],}', '{"a":[1,2]}', [9, 11]],
    ['{"a":1 ,\n}', '{"a":1 \n}', [7]],
    ['[{},\t]', '[{}\t]', [3]],
  ])('VAL-16.c takes out the commas before closing brackets of %j', (text, without, places) => {
    expect(repairOf(text)).toEqual({ text: without, edits: places.map((at) => ['trailing_comma_removed', at]) });
  });

  it.each([
    ['{"a":"x\ny"}', '{"a":"x\\ny"}', [7]],
    ['{"a\t":"\u0000\r\n"}', '{"a\\t":"\\u0000\\r\\n"}', [3, 7, 8, 9]],
  ])('VAL-16.d escapes the raw control characters of %j', (text, escaped, places) => {
    expect(repairOf(text)).toEqual({ text: escaped, edits: places.map((at) => ['control_character_escaped', at]) });
  });

  it.each([
    ['{"a":"use \\d+"}', 'use \\d+'],
    ['{"a":"C:\\Temp\\x"}', 'C:\\Temp\\x'],
    ['{"a":"it\\\'s"}', "it\\'s"],
  ])('VAL-16.e takes the odd backslashes of %j for backslashes', (text, meant) => {
    const { text: repaired, edits } = repairOf(text);
    expect(JSON.parse(repaired)).toEqual({ a: meant });
    expect(new Set(edits.map(([code]) => code))).toEqual(new Set(['invalid_escape_escaped']));
  });

  it('VAL-16.f takes one byte order mark for no fault in either reading, and two for one', () => {
    for (const read of [judge, judgeLeniently]) {
      expect(read(`\ufeff${compact}`)).toMatchObject({ outcome: 'accepted', diagnostics: [], unchanged: true });
      expect(read(`\ufeff\ufeff${compact}`).rejection?.code).toBe('invalid_json');
    }
  });

  const NEVER = [
    '{"a":[1',
    '{"a":"b',
    '{a:1}',
    "{'a':1}",
    '{"a":1} // done',
    '/* a */ {"a":1}',
    '{"a":NaN}',
    '{"a":Infinity}',
    '{"a":+1}',
    '{"a":01}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":True}',
    '{"a":"\\u12"}',
    '{"a":1}}',
    '{"a":1}{"b":2}',
    '{"a":1}\n{"b":2}',
    'Here: {"a":1}',
    '{"a":1} Done.',
    '```json\n{"a":1}\n``` Done.',
    'Here:\n```json\n{"a":1}\n```',
    '```js\n{"a":1}\n```',
    '```json\n{"a":1}',
    '{"a":1}\n```',
    '{"a" 1}',
    '{"a":1 "b":2}',
    '[1,,2]',
    '[,]',
    '{,}',
    '[1,}',
    '\u00a0{"a":1}',
  ];
  it.each(NEVER)('VAL-16.g never makes JSON of %j', (text) => {
    const { fault } = readText(text, true);
    expect(fault).not.toBeNull();
    expect(judgeLeniently(text)).toMatchObject({
      outcome: 'rejected',
      rejection: { class: 'INVALID_JSON', code: 'invalid_json' },
      counts: { by_code: { invalid_json: 1 } },
    });
  });

  it('VAL-16.h tells each edit with its byte offset in the original', () => {
    const raw = `\ufeff \`\`\`json\n${JSON.stringify(aResult({ summary: 'é' }))
      .replace('é', 'é\n\\d')
      .replace(/\}$/, ',}')}\n\`\`\``;
    const verdict = judgeLeniently(raw);
    const offset = (text: string) => Buffer.byteLength(raw.slice(0, raw.indexOf(text)));
    expect(verdict.diagnostics).toEqual([
      expect.objectContaining({ code: 'code_fence_removed', kind: 'repair', from: '```json\n', offset: 4 }),
      expect.objectContaining({ code: 'control_character_escaped', from: '\n', to: '\\n', offset: offset('\n\\d') }),
      expect.objectContaining({ code: 'invalid_escape_escaped', from: '\\', to: '\\\\', offset: offset('\\d') }),
      expect.objectContaining({ code: 'trailing_comma_removed', from: ',', to: '', offset: offset(',}') }),
    ]);
    expect(verdict.result?.summary).toBe('é\n\\d');
    expect(verdict).toMatchObject({ unchanged: false, counts: { kept: 1, coerced: 0 } });
    expect(judgeLeniently(Buffer.from(raw))).toEqual(verdict);
  });

  it('VAL-15.a repairs nothing under the strict reading', () => {
    for (const raw of [
      `\`\`\`json\n${compact}\n\`\`\``,
      compact.replace(/\}$/, ',}'),
      compact.replace('may', 'm\nay'),
    ]) {
      expect(judge(raw).rejection?.code).toBe('invalid_json');
      expect(judgeLeniently(raw).outcome).toBe('accepted');
    }
  });
});

describe('an answer that was cut off', () => {
  const findings = [aFinding({ id: 'F1' }), aFinding({ id: 'F2', message: 'a } b ] c' }), aFinding({ id: 'F3' })];
  const whole = JSON.stringify(aResult({ findings, summary: 'fine' }));
  const keeping = { policy: { truncated: 'keep_complete' } as const };

  it('VAL-16.i rejects it unless the policy keeps what is whole', () => {
    const raw = whole.slice(0, whole.indexOf('"F3"'));
    expect(judgeLeniently(raw)).toMatchObject({ outcome: 'rejected', explanation: { sub_reason: 'truncated' } });
    expect(judge(raw, keeping)).toMatchObject({ outcome: 'rejected', explanation: { sub_reason: 'truncated' } });
    expect(judgeLeniently(raw, keeping)).toMatchObject({ outcome: 'accepted', truncated: true });
  });

  it('VAL-16.i keeps at each place the findings whose closing brace was read before it', () => {
    const ends = findings.map(({ id }) => whole.indexOf('}', whole.indexOf(`"${String(id)}"`)));
    ends[1] = whole.indexOf('}', whole.indexOf('] c'));
    for (let cut = 0; cut < whole.length; cut++) {
      const complete = ends.filter((end) => end < cut).length;
      const verdict = judgeLeniently(whole.slice(0, cut), keeping);
      if (complete === 0) {
        expect(verdict.outcome).toBe('rejected');
        continue;
      }
      expect(verdict.counts).toMatchObject({ submitted: complete, kept: complete });
      expect(verdict.result?.findings).toEqual(findings.slice(0, complete));
      expect(verdict.diagnostics).toEqual([expect.objectContaining({ code: 'response_truncated', kind: 'warning' })]);
    }
  });

  it('VAL-16.i keeps nothing when a version would have come after the cut', () => {
    const late = JSON.stringify({ schema_version: '1.0', findings, prompt_version: '1.0.0' });
    expect(judgeLeniently(late.slice(0, late.indexOf('"prompt')), keeping).outcome).toBe('rejected');
    expect(judgeLeniently(`${whole.slice(0, -1)},"x":tru`, keeping).result?.summary).toBe('fine');
  });

  it('VAL-16.i keeps the edits in what is kept, and only those', () => {
    const raw = `\`\`\`json\n${whole.replace('a } b', 'a }\nb').slice(0, -40)}\n `;
    const verdict = judgeLeniently(raw, keeping);
    expect(verdict.diagnostics.map(({ code }) => code)).toEqual([
      'code_fence_removed',
      'control_character_escaped',
      'response_truncated',
    ]);
    expect(verdict).toMatchObject({ counts: { submitted: 2 }, explanation: { sub_reason: 'truncated' } });
  });
});
