import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { normalizePath, prepareChangedFiles } from './index.js';

const RUNS = { numRuns: Number(process.env.ASSAY_PROPERTY_RUNS ?? 500) };

/** Paths made of the characters that normalising is about. */
const awkwardPath = fc
  .array(
    fc.constantFrom(
      'a',
      'B',
      '.',
      '..',
      '/',
      '//',
      '\\',
      ' ',
      '\u00a0',
      '\ufeff',
      '#',
      '@',
      '1',
      '42',
      '#7',
      '…',
      '//d/',
      'file:///',
      '%2E',
      '%25',
      '"',
      '\\303\\251',
      'e\u0301',
      '@label',
    ),
    {
      maxLength: 12,
    },
  )
  .map((parts) => parts.join(''));

describe('normalizePath', () => {
  it('VAL-6.b leaves a normal form as it is', () => {
    fc.assert(
      fc.property(fc.oneof(awkwardPath, fc.string()), (path) => {
        const once = normalizePath(path);
        if (once !== null) expect(normalizePath(once)).toBe(once);
      }),
      RUNS,
    );
  });

  it('VAL-6.b leaves no dot segment, no inner double slash and no backslash', () => {
    fc.assert(
      fc.property(awkwardPath, (path) => {
        const normalized = normalizePath(path);
        if (normalized === null) return;
        const segments = normalized.replace(/^\/{1,2}/, '').split('/');
        expect(segments.some((segment) => ['', '.', '..'].includes(segment))).toBe(false);
        expect(normalized).not.toContain('\\');
      }),
      RUNS,
    );
  });
});

describe('prepareChangedFiles', () => {
  const changed_files = fc.array(
    fc.oneof(awkwardPath, fc.record({ path: awkwardPath, previous_path: fc.option(awkwardPath) })),
    { minLength: 1, maxLength: 6 },
  );
  const root = fc.constantFrom(null, '//d', '//d/a', '/', '/a', '/a/B', 'a:\\B', '\\\\d\\a', 'a');

  it('VAL-12.c VAL-6.m ING-1.f matches a file that it named to itself', () => {
    fc.assert(
      fc.property(changed_files, root, fc.boolean(), awkwardPath, fc.nat(), (given, root, fold, other, pick) => {
        const files = prepareChangedFiles({ changed_files: given, root, case_insensitive_paths: fold });
        const entry = given[pick % given.length]!;
        const written = typeof entry === 'string' ? [entry] : [entry.path, entry.previous_path ?? other];
        for (const path of [...written, other]) {
          const file = files.match(path);
          if (file !== null) expect(files.match(file)).toBe(file);
        }
      }),
      RUNS,
    );
  });
});
