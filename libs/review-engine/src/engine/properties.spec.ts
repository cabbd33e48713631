import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { prepareChangedFiles } from '../paths/index.js';
import { definePolicy } from '../policy.js';
import { REASON_CODES } from '../reason-codes.js';
import type { Diagnostic, Verdict } from '../verdict.js';
import { isLargerThan } from './result-size.js';
import {
  anyText,
  changed_files,
  judgedDocument,
  oddDocument,
  outer,
  RUNS,
  validDocument,
  validFinding,
  anyCharacter,
} from './generated.fixture.js';
import { aResult } from './samples.js';
import { ajv, schemaOf } from './schemas.fixture.js';
import { TakenIds } from './taken-ids.js';
import { validateReview } from './validate-review.js';

const files = prepareChangedFiles({ changed_files });
const policy = definePolicy({ reading: 'strict' });
const judgeDocument = (document: unknown): Verdict => validateReview({ document }, files, policy);

describe('properties of the engine', () => {
  it('VAL-12.a never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(anyText, (raw) => void validateReview({ raw }, files, policy)),
      RUNS,
    );
    fc.assert(
      fc.property(fc.uint8Array(), (raw) => void validateReview({ raw: Buffer.from(raw) }, files, policy)),
      RUNS,
    );
    fc.assert(
      fc.property(fc.jsonValue(), (document) => void judgeDocument(document)),
      RUNS,
    );
  });

  it('VAL-9.b emits no code outside the catalogue, and none with a kind that is not its own', () => {
    // @ts-expect-error a code outside the catalogue is of no type that a diagnostic takes: `npm run typecheck` sees it
    const outside: Diagnostic['code'] = 'invented';
    expect(Object.hasOwn(REASON_CODES, outside)).toBe(false);
    const anything = fc.oneof(oddDocument, judgedDocument, fc.jsonValue());
    fc.assert(
      fc.property(anything, (document) => {
        const { diagnostics, counts, rejection } = judgeDocument(document);
        for (const { code, kind } of diagnostics) expect(REASON_CODES[code]?.kinds).toContain(kind);
        for (const code of Object.keys(counts.by_code)) expect(Object.hasOwn(REASON_CODES, code)).toBe(true);
        if (rejection) expect(REASON_CODES[rejection.code]?.kinds).toContain('rejection');
      }),
      RUNS,
    );
  });

  it('VAL-12.b CON-5.b passes a valid document unchanged, as the very object, without a diagnostic', () => {
    fc.assert(
      fc.property(validDocument, (document) => {
        expect(schemaOf.get('1.1')!(document)).toBe(true);
        const verdict = judgeDocument(document);
        expect(verdict.diagnostics).toEqual([]);
        expect(verdict.result).toBe(document);
        expect(verdict.unchanged).toBe(true);
      }),
      RUNS,
    );
  });

  it('VAL-12.c changes nothing in its own output', () => {
    fc.assert(
      fc.property(oddDocument, (document) => {
        const { result } = judgeDocument(document);
        if (result === null) return;
        const again = judgeDocument(result);
        expect(again.result).toBe(result);
        expect(again.diagnostics).toEqual([]);
      }),
      RUNS,
    );
  });

  it('VAL-12.d keeps or drops each finding, and keeps their order', () => {
    fc.assert(
      fc.property(judgedDocument, (document) => {
        const { counts, result, diagnostics } = judgeDocument(document);
        expect(counts.kept + counts.dropped).toBe(counts.submitted);
        expect(counts.submitted).toBe(document.findings.length);
        const dropped = new Set(diagnostics.filter(({ kind }) => kind === 'drop').map((one) => one.finding_index));
        expect(dropped.size).toBe(counts.dropped);
        const survivors = document.findings.filter((_, index) => !dropped.has(index)) as { id: string }[];
        expect(result!.findings.map(({ id }) => id)).toEqual(survivors.map(({ id }) => id.trim()));
      }),
      RUNS,
    );
  });

  it('VAL-12.e explains every difference between input and output', () => {
    fc.assert(
      fc.property(judgedDocument, (document) => {
        const { result, diagnostics } = judgeDocument(document);
        const dropped = new Set(diagnostics.filter(({ kind }) => kind === 'drop').map((one) => one.finding_index));
        const told = new Set(diagnostics.map(({ pointer }) => pointer));
        const survivors = document.findings
          .map((finding, index) => ({ finding, index }))
          .filter(({ index }) => !dropped.has(index));
        survivors.forEach(({ finding, index }, place) => {
          const kept = result!.findings[place] as Record<string, unknown>;
          const written = finding as Record<string, unknown>;
          for (const name of new Set([...Object.keys(kept), ...Object.keys(written)])) {
            if (!Object.is(kept[name], written[name])) expect(told).toContain(`/findings/${index}/${name}`);
          }
        });
      }),
      RUNS,
    );
  });

  it('CON-5.a gives output that always validates', () => {
    fc.assert(
      fc.property(oddDocument, (document) => {
        const { result, versions } = judgeDocument(document);
        if (result === null) return;
        const validate = schemaOf.get(versions.read_as!)!;
        if (!validate(result)) throw new Error(ajv.errorsText(validate.errors));
      }),
      RUNS,
    );
  });

  it('CON-5.c takes what the schema refuses only by coercing it to what the schema takes', () => {
    const coercible = fc
      .tuple(
        validFinding,
        fc.constantFrom('id', 'title', 'message', 'severity', 'line', 'file'),
        outer.filter((white) => white !== ''),
      )
      .map(([finding, field, white]) => {
        const value = finding[field] as string | number;
        if (field === 'line') return { ...finding, line: `${white}${value}` };
        if (field === 'file') return { ...finding, file: `./${String(value).replaceAll('/', '\\')}` };
        return { ...finding, [field]: `${white}${value}` };
      })
      .filter(({ file }) => !file.includes('depot'));
    fc.assert(
      fc.property(coercible, (finding) => {
        const document = aResult({ schema_version: '1.1', findings: [finding] });
        const validate = schemaOf.get('1.1')!;
        expect(validate(document)).toBe(false);
        const { result, counts } = judgeDocument(document);
        expect(counts).toMatchObject({ kept: 1, coerced: 1 });
        expect(validate(result)).toBe(true);
      }),
      RUNS,
    );
  });

  it('CON-5.b drops or rejects what the schema refuses, unless a coercion mends it', () => {
    fc.assert(
      fc.property(oddDocument, (document) => {
        const verdict = judgeDocument(document);
        const validate = schemaOf.get(verdict.versions.read_as ?? '1.1')!;
        if (!validate(document)) expect(verdict.diagnostics).not.toEqual([]);
      }),
      RUNS,
    );
  });

  it('CON-3.b takes under 1.1 whatever is valid under 1.0', () => {
    fc.assert(
      fc.property(validDocument, (document) => {
        const older = { ...document, schema_version: '1.0' };
        if (schemaOf.get('1.0')!(older)) expect(schemaOf.get('1.1')!(older)).toBe(true);
      }),
      RUNS,
    );
  });
});

describe('properties of its parts', () => {
  it('VAL-4.g takes each id once, whatever their order', () => {
    const ids = fc.array(
      fc.oneof(fc.nat(30).map(String), fc.string({ minLength: 1, maxLength: 2, unit: anyCharacter })),
    );
    fc.assert(
      fc.property(ids, (given) => {
        const taken = new TakenIds();
        const first = given.map((id) => taken.take(id));
        expect(first).toEqual(given.map((id, index) => given.indexOf(id) === index));
      }),
      RUNS,
    );
  });

  it('VAL-10.g takes a document for as large as it is as compact JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (document) => {
        const bytes = Buffer.byteLength(JSON.stringify(document));
        expect(isLargerThan({ document }, bytes)).toBe(false);
        expect(isLargerThan({ document }, bytes - 1)).toBe(true);
      }),
      RUNS,
    );
  });
});
