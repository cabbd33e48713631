import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { prepareChangedFiles } from '../paths/index.js';
import { definePolicy } from '../policy.js';
import type { Verdict } from '../verdict.js';
import {
  anyText,
  changed_files,
  judgedDocument,
  oddDocument,
  RUNS,
  validDocument,
  validFinding,
} from './generated.fixture.js';
import { aResult } from './samples.js';
import { ajv, schemaOf } from './schemas.fixture.js';
import { validateReview } from './validate-review.js';

const files = prepareChangedFiles({ changed_files });
const policy = definePolicy({ truncated: 'keep_complete' });
const judgeDocument = (document: unknown): Verdict => validateReview({ document }, files, policy);

/** Documents whose ids repeat and whose optional fields are unusable: what the lenient reading is about. */
const lenientDocument = fc
  .array(
    fc.tuple(
      validFinding,
      fc.record(
        {
          id: fc.constantFrom<unknown>('A', 'A', ' A', 'A~2', 'B', 7, '7', 1.5),
          title: fc.constantFrom('t', 'u', ' t'),
          severity: fc.constantFrom('HIGH', 'blocker', 'Note ', 'high', 'nothing'),
          category: fc.constantFrom('Bug', 'perf', 'style', 'x'),
          line: fc.constantFrom<unknown>(0, null, 1, '0', 3, -1),
          end_line: fc.constantFrom<unknown>(null, 'x', 0, 1, 9),
          confidence: fc.constantFrom<unknown>(null, 0.9, 'HIGH', 'sure'),
          rule_id: fc.constantFrom<unknown>(null, 5, ['x'], 'x'.repeat(2000)),
          effort: fc.jsonValue(),
          suggestion: fc.constantFrom<unknown>(null, 5, ' x'),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    ),
    { maxLength: 8 },
  )
  .map((pairs) => ({
    schema_version: '1.1',
    prompt_version: '1.0',
    findings: pairs.map(([finding, odd]) => ({ ...finding, ...odd })) as Record<string, unknown>[],
  }));
const judged = fc.oneof(judgedDocument, lenientDocument);

describe('properties of the lenient reading', () => {
  it('VAL-12.a never throws, whatever the text, and mends nothing that JSON.parse takes', () => {
    fc.assert(
      fc.property(anyText, (raw) => {
        const { diagnostics } = validateReview({ raw }, files, policy);
        try {
          JSON.parse(raw);
        } catch {
          return;
        }
        expect(diagnostics.filter(({ kind }) => kind === 'repair')).toEqual([]);
      }),
      RUNS,
    );
    fc.assert(
      fc.property(fc.uint8Array(), (raw) => void validateReview({ raw: Buffer.from(raw) }, files, policy)),
      RUNS,
    );
  });

  it('CON-5.d VAL-12.b gives a valid document back as the very object, without a diagnostic', () => {
    fc.assert(
      fc.property(validDocument, (document) => {
        const verdict = judgeDocument(document);
        expect(verdict).toMatchObject({ diagnostics: [], unchanged: true, lines_defaulted: [] });
        expect(verdict.result).toBe(document);
      }),
      RUNS,
    );
  });

  it('VAL-12.c changes nothing in its own output', () => {
    fc.assert(
      fc.property(fc.oneof(oddDocument, lenientDocument), (document) => {
        const { result } = judgeDocument(document);
        if (result === null) return;
        const again = judgeDocument(result);
        expect(again.diagnostics).toEqual([]);
        expect(again.result).toBe(result);
      }),
      RUNS,
    );
  });

  it('VAL-12.d VAL-5.c keeps or drops each finding in order, and tells of a dropped one only that', () => {
    fc.assert(
      fc.property(judged, (document) => {
        const { counts, result, diagnostics } = judgeDocument(document);
        expect(counts.kept + counts.dropped).toBe(document.findings.length);
        const drops = diagnostics.filter(({ kind }) => kind === 'drop').map((one) => one.finding_index!);
        expect(new Set(drops).size).toBe(counts.dropped);
        for (const { kind, finding_index } of diagnostics) {
          if (kind !== 'drop' && finding_index !== null) expect(drops).not.toContain(finding_index);
        }
        const survivors = document.findings.filter((_, index) => !drops.includes(index)) as { message: string }[];
        expect(result!.findings.map(({ message }) => message)).toEqual(survivors.map(({ message }) => message.trim()));
        const ids = result!.findings.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
      RUNS,
    );
  });

  it('VAL-12.e VAL-15.b explains every difference between input and output', () => {
    fc.assert(
      fc.property(judged, (document) => {
        const { result, diagnostics } = judgeDocument(document);
        const dropped = new Set(diagnostics.filter(({ kind }) => kind === 'drop').map((one) => one.finding_index));
        const told = new Set(diagnostics.map(({ pointer }) => pointer));
        const survivors = document.findings
          .map((finding, index) => ({ finding: finding as Record<string, unknown>, index }))
          .filter(({ index }) => !dropped.has(index));
        survivors.forEach(({ finding, index }, place) => {
          const kept = result!.findings[place]!;
          for (const name of new Set([...Object.keys(kept), ...Object.keys(finding)])) {
            const same =
              Object.hasOwn(kept, name) === Object.hasOwn(finding, name) && Object.is(kept[name], finding[name]);
            if (!same) expect(told).toContain(`/findings/${index}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
          }
        });
      }),
      RUNS,
    );
  });

  it('CON-5.a gives output that always validates', () => {
    fc.assert(
      fc.property(fc.oneof(oddDocument, lenientDocument), (document) => {
        const { result, versions } = judgeDocument(document);
        if (result === null) return;
        const validate = schemaOf.get(versions.read_as!)!;
        if (!validate(result)) throw new Error(ajv.errorsText(validate.errors));
      }),
      RUNS,
    );
  });

  it('CON-5.e takes a document that needs an act only as one that does not validate before and does after', () => {
    const act = fc.constantFrom<[string, unknown]>(
      ['suggestion', null],
      ['severity', 'HIGH'],
      ['category', 'bug'],
      ['confidence', 0.9],
      ['end_line', 0],
      ['effort', 1],
      ['id', 7],
      ['line', 0],
      ['line', null],
    );
    fc.assert(
      fc.property(validFinding, act, (finding, [field, value]) => {
        const document = aResult({ schema_version: '1.1', findings: [{ ...finding, [field]: value }] });
        const validate = schemaOf.get('1.1')!;
        expect(validate(document)).toBe(false);
        const { result, counts } = judgeDocument(document);
        expect(counts.kept).toBe(1);
        expect(validate(result)).toBe(true);
      }),
      RUNS,
    );
  });
});
