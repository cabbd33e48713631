import { describe, expect, it } from '@jest/globals';
import { judge, namesOf, titlesWithoutClause, unknownNames } from './conformance.js';
import type { Rule, TestResult } from './conformance.js';
import { conformanceText } from './conformance-page.js';
import { readTestFile, unprovenClaims } from './evidence.js';
import type { TestFile } from './evidence.js';
import { REPOSITORY } from './repository.js';

const rules: Rule[] = [
  {
    id: 'ING-3',
    area: 'Ingest',
    text: 'Known keys',
    clauses: [
      { id: 'a', text: 'same body', evidence: 'unit' },
      { id: 'b', text: 'another body', evidence: 'postgres', words: ['body_digest'] },
    ],
  },
  { id: 'WQ-5', area: 'Work queue', text: 'max_active', clauses: [{ id: 'a', text: 'at most W', evidence: 'unit' }] },
];

const aResult = (title: string, differences: Partial<TestResult> = {}): TestResult => ({
  project: 'unit',
  file: 'apps/ingest/src/x.spec.ts',
  title,
  status: 'passed',
  ...differences,
});
const read = (): TestFile => ({ kinds: new Set(['unit']), text: '' });
const standings = (...results: TestResult[]) => judge(rules, results).map(({ standing }) => standing);

describe('namesOf', () => {
  it.each([
    ['ING-3.b answers 409', [{ rule: 'ING-3', clause: 'b' }]],
    ['ING-3 answers', [{ rule: 'ING-3', clause: null }]],
    [
      'ING-3.a, WQ-5.a does both',
      [
        { rule: 'ING-3', clause: 'a' },
        { rule: 'WQ-5', clause: 'a' },
      ],
    ],
    ['answers 409 as ING-3.b asks', []],
    ['SHA-256 is what it uses', [{ rule: 'SHA-256', clause: null }]],
    ['ING-3.bc is no clause', []],
  ])('reads the head of %s', (title, names) => {
    expect(namesOf(title)).toEqual(names);
  });
});

describe('judge', () => {
  it('passes a rule only when each clause has a passed test', () => {
    expect(standings(aResult('ING-3.a x'), aResult('ING-3.b x'))).toEqual(['passed', 'not yet']);
    expect(standings(aResult('ING-3.a x'))).toEqual(['partial', 'not yet']);
  });

  it('does not pass a clause of which one test failed', () => {
    expect(standings(aResult('WQ-5.a x'), aResult('WQ-5.a y', { status: 'failed' }))).toEqual(['not yet', 'not yet']);
  });

  it('takes a title without a clause for the only clause, and for none of several', () => {
    expect(standings(aResult('WQ-5 x'), aResult('ING-3 x'))).toEqual(['not yet', 'passed']);
  });
});

describe('unknownNames', () => {
  it('finds rules and clauses that do not exist, and leaves other words alone', () => {
    const results = [aResult('ING-3.c x'), aResult('ING-99 x'), aResult('SHA-256 x'), aResult('ING-3.a x')];
    expect(unknownNames(rules, results)).toEqual([
      'ING-3.c, named by apps/ingest/src/x.spec.ts, is not in docs/rules.json',
      'ING-99, named by apps/ingest/src/x.spec.ts, is not in docs/rules.json',
    ]);
  });
});

describe('titlesWithoutClause', () => {
  it('finds rules of several clauses of which a title names none', () => {
    const results = [aResult('ING-3 x'), aResult('WQ-5 x'), aResult('ING-3.a, WQ-5 x')];
    expect(titlesWithoutClause(rules, results)).toEqual([
      'apps/ingest/src/x.spec.ts: ING-3 has clauses; name one: ING-3 x',
    ]);
  });
});

describe('unprovenClaims', () => {
  const claim = [aResult('ING-3.b x')];
  const claims = (file: TestFile) => unprovenClaims(rules, claim, () => file);

  it('finds a clause that needs more than its file runs against', () => {
    expect(claims({ kinds: new Set(['unit', 'kafka']), text: 'body_digest' })).toEqual([
      'ING-3.b needs postgres, which apps/ingest/src/x.spec.ts does not use',
    ]);
  });

  it('finds a clause whose words its file does not have', () => {
    expect(claims({ kinds: new Set(['unit', 'postgres']), text: 'x' })).toEqual([
      'ING-3.b needs the word body_digest, which apps/ingest/src/x.spec.ts does not have',
    ]);
    expect(claims({ kinds: new Set(['unit', 'postgres']), text: 'the body_digest' })).toEqual([]);
  });

  it.each([
    ['tools/conformance.spec.ts', ['unit']],
    ['libs/postgres/src/database.int.spec.ts', ['unit', 'postgres', 'fault']],
    ['libs/postgres/src/busy-process.int.spec.ts', ['unit', 'postgres', 'fault']],
    ['libs/work-queue/src/work-queue.int.spec.ts', ['unit', 'postgres']],
    ['apps/ingest/src/progress/late-news.int.spec.ts', ['unit', 'postgres', 'kafka']],
    ['test/e2e/awkward-documents.e2e.spec.ts', ['unit', 'postgres', 'kafka', 'process']],
    ['test/e2e/bad-day.e2e.spec.ts', ['unit', 'postgres', 'kafka', 'process', 'fault']],
  ])('reads what %s runs against', (file, kinds) => {
    expect([...readTestFile(REPOSITORY, file).kinds]).toEqual(kinds);
  });
});

describe('the conformance page', () => {
  const results = [aResult('ING-3.a gives it back'), ...[1, 2, 3].map((n) => aResult(`WQ-5.a case ${n}`))];

  it('does not depend on the order in which tests ran', () => {
    expect(conformanceText(rules, [...results].reverse(), read)).toBe(conformanceText(rules, results, read));
  });

  it('names each clause with the files that prove it', () => {
    const page = conformanceText(rules, results, read);
    expect(page).toContain('1 rules passed, 1 partial, 0 not yet; 2 of 3 clauses passed.');
    expect(page).toContain(
      '- a, passed (unit): same body\n  - [apps/ingest/src/x.spec.ts](../apps/ingest/src/x.spec.ts)\n',
    );
    expect(page).toContain('- b, not yet (postgres): another body');
  });

  it('stands when a test is added beside one that proves the clause already', () => {
    expect(conformanceText(rules, [...results, aResult('WQ-5.a case 4')], read)).toBe(
      conformanceText(rules, results, read),
    );
  });

  it('refuses a title that names a rule which does not exist', () => {
    expect(() => conformanceText(rules, [aResult('ING-3.z x')], read)).toThrow('ING-3.z');
  });
});
