import { describe, expect, it } from '@jest/globals';
import { prepareChangedFiles, validateReview } from '@assay/review-engine';
import { defineSettings, readSettings } from '@assay/service';
import fc from 'fast-check';
import { policyOf, POLICY_SETTINGS } from './validator.config.js';

/** What the redactor looks for, and what stops it: repeated, these are its worst texts. */
const PIECES = (
  'token= password: pass=" " \\ \\n ://u: @ @tcp( %40 a aB3 ( <password> < --password Authorization: Basic cookie:a= auth: ' +
  'eyJ -----BEGIN/A----- é'
)
  .split(' ')
  .concat(' ', '-u a:', 'expected token: ');

/** With the settings' own policy, and so with the redactor of the pipeline. */
const policy = policyOf(readSettings(defineSettings(POLICY_SETTINGS), {}));
const files = prepareChangedFiles({ changed_files: ['src/a.c'] });

/** Milliseconds of the processor's time for a review whose messages are all coerced, and so shown in diagnostics. */
function cost(message: string, count: number): number {
  const finding = { severity: 'high', category: 'correctness', title: 'x', file: 'src/a.c', line: 1 };
  const findings = Array.from({ length: count }, (_, index) => ({
    ...finding,
    id: `F${index}`,
    message: ` ${message} `,
  }));
  const raw = JSON.stringify({ schema_version: '1.0', prompt_version: '1.0.0', findings });
  const before = process.cpuUsage();
  expect(validateReview({ raw }, files, policy).diagnostics).toHaveLength(count);
  return process.cpuUsage(before).user / 1_000;
}

/** A neighbour or a collection makes one run slow; what is quadratic is slow each time. */
function costsLessThan(limit_ms: number, message: string, count: number): boolean {
  return Array.from({ length: 5 }).some(() => cost(message, count) < limit_ms);
}

describe('the engine with the redactor of the pipeline', () => {
  it('VAL-12.h takes time linear in the input, whatever stands in it', () => {
    const piece = fc.constantFrom(...PIECES);
    const unit = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(piece, unit, piece, (head, middle, tail) => {
        const message = (length: number) => `.${head}${middle.repeat(length).slice(0, length)}${tail}.`;
        // Eight times the input, each way; a quadratic step would take sixty-four times as long.
        const base = [1, 2, 3].map(() => cost(message(400), 40));
        const limit = 24 * Math.max(2, Math.min(...base));
        expect({ longer: costsLessThan(limit, message(3_200), 40) }).toEqual({ longer: true });
        expect({ more: costsLessThan(limit, message(400), 320) }).toEqual({ more: true });
      }),
      {
        numRuns: 40,
        examples: [
          ['token=', 'a', '('],
          ['', 'a.', '@'],
          ['auth:', '://', ''],
        ],
      },
    );
  });

  it('VAL-12.h judges a whole review of words behind a name in less than a second', () => {
    const message = `token=${'a'.repeat(4_000)}(`;
    expect({ fast: costsLessThan(1_000, message, 480) }).toEqual({ fast: true });
  });
});
