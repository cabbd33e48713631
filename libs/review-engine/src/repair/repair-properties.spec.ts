import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import JSON5 from 'json5';
import { RUNS, validDocument } from '../engine/generated.fixture.js';
import { judgeLeniently } from '../engine/samples.js';
import { edited, readText } from './index.js';

/** JSON values whose texts hold what edits are about. */
const strings = fc
  .array(
    fc.constantFrom('a', '\\', '"', '\n', '\t', ',', '}', ']', ',]', '{', '```', "'", 'é', '😀', '\u0000', '\\d'),
    {
      maxLength: 6,
    },
  )
  .map((parts) => parts.join(''));
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    strings,
    fc.constantFrom(0, -1.5e-7, 1e21, true, false, null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(strings, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const indent = fc.constantFrom(0, 1, '\t');
const validText = fc.tuple(value, indent).map(([one, space]) => JSON.stringify(one, null, space));

/** Outside strings: what stands between two quotes that are not escaped stays. */
const outsideStrings = (text: string, change: (part: string) => string) =>
  text.replace(/("(?:[^"\\]|\\.)*")|([^"]+)/gs, (_, string?: string, other?: string) => string ?? change(other!));

const withTrailingCommas = validText.map((text) =>
  outsideStrings(text, (part) => part.replace(/(?<![[{,\s])(?=\s*[\]}])/g, ',').replace(/^(?=\s*[\]}])/, ',')),
);

const read = (text: string) => readText(text, true);
const repaired = (text: string) => {
  const result = read(text);
  return result.fault === null ? edited(text, result, result.end) : null;
};

describe('properties of repairs', () => {
  it('VAL-12.i finds nothing to edit in valid input, and gives it back byte for byte', () => {
    fc.assert(
      fc.property(fc.oneof(validText, fc.json()), (text) => {
        const { edits, fault } = read(text);
        expect({ edits, fault }).toEqual({ edits: [], fault: null });
        expect(repaired(text)).toBe(text);
        expect(readText(text, false).fault).toBeNull();
      }),
      RUNS,
    );
  });

  it('VAL-16.a says of any text what JSON.parse says of it, once nothing may be edited', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '1',
      '-',
      '0',
      '.5',
      'e1',
      'true',
      'nul',
      ' ',
      '\\',
      '\n',
      '\\u00e9',
    );
    const texts = fc.oneof(
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
      fc.tuple(validText, fc.nat(60), fc.nat(3), pieces).map(([text, at, removed, piece]) => {
        return text.slice(0, at) + piece + text.slice(at + removed);
      }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        let parses = true;
        try {
          JSON.parse(text);
        } catch {
          parses = false;
        }
        expect(readText(text, false).fault === null).toBe(parses);
        const mended = repaired(text);
        if (mended !== null) JSON.parse(mended);
      }),
      { ...RUNS, numRuns: RUNS.numRuns * 4 },
    );
  });

  it('VAL-16.c VAL-12.i reads trailing commas as JSON5 does', () => {
    fc.assert(
      fc.property(withTrailingCommas, (text) => {
        const mended = repaired(text);
        expect(mended).not.toBeNull();
        expect(JSON.parse(mended!)).toEqual(JSON5.parse(text));
        expect(read(text).edits.every(({ code }) => code === 'trailing_comma_removed')).toBe(true);
      }),
      RUNS,
    );
  });

  it('VAL-12.i touches strings only for control characters and escapes, and nothing else but commas and fences', () => {
    const raw = validText.map((text) => `\`\`\`json\n${text.replaceAll('\\n', '\n').replaceAll('\\t', '\t')}\n\`\`\``);
    fc.assert(
      fc.property(fc.oneof(raw, withTrailingCommas), (text) => {
        for (const { code, at, removed, inserted } of read(text).edits) {
          const gone = text.slice(at, at + removed);
          if (code === 'control_character_escaped') expect(JSON.parse(`"${inserted}"`)).toBe(gone);
          else if (code === 'invalid_escape_escaped') expect([gone, inserted, text[at]]).toEqual(['', '\\', '\\']);
          else if (code === 'trailing_comma_removed') expect([gone, inserted]).toEqual([',', '']);
          else expect([gone, inserted, at]).toEqual(['```json\n', '', 0]);
        }
      }),
      RUNS,
    );
  });

  it('VAL-12.i means by raw control characters and odd escapes what was written', () => {
    const parts = fc.array(fc.constantFrom('\n', '\t', '\u0001', '\\d', '\\(', 'x', '"'));
    fc.assert(
      fc.property(parts, (given) => {
        const text = given.map((part) => (part === '"' ? '\\"' : part)).join('');
        expect(JSON.parse(repaired(`{"a":"${text}"}`)!)).toEqual({ a: given.join('') });
      }),
      RUNS,
    );
  });

  it('VAL-12.i VAL-16.h judges a repaired answer as the sound one, with a diagnostic for each edit', () => {
    fc.assert(
      fc.property(validDocument, fc.boolean(), (document, fenced) => {
        const files = { changed_files: ['src/a.c', 'src/b.c', '//depot/p/c.c', 'Ünïcode dir/d.c'] };
        const sound = JSON.stringify(document, null, 1);
        const commas = sound.replace(/"findings": \[\n/, '"findings": [\n').replace(/\n\}$/, ',\n}');
        const broken = fenced ? `\`\`\`\n${commas}\n\`\`\`` : commas;
        const verdict = judgeLeniently(broken, files);
        expect(verdict.result).toEqual(judgeLeniently(sound, files).result);
        expect(verdict.diagnostics.map(({ kind }) => kind)).toEqual(fenced ? ['repair', 'repair'] : ['repair']);
      }),
      RUNS,
    );
  });
});
