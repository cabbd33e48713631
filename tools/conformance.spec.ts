import { describe, expect, it } from '@jest/globals';
import { judge, namesOf, outcomeOf, titlesWithoutClause, unknownNames } from './conformance.js';
import type { Rule, TestResult } from './conformance.js';
import { conformanceText } from './conformance-page.js';

const rules: Rule[] = [
  {
    id: 'ING-3',
    area: 'Ingest',
    text: 'Known keys',
    clauses: [
      { id: 'a', text: 'same body' },
      { id: 'b', text: 'another body' },
    ],
  },
  { id: 'WQ-5', area: 'Work queue', text: 'max_active', clauses: [{ id: 'a', text: 'at most W' }] },
];

const aResult = (title: string, differences: Partial<TestResult> = {}): TestResult => ({
  project: 'unit',
  file: 'apps/ingest/src/x.spec.ts',
  title,
  status: 'passed',
  ...differences,
});
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

  it('leaves the outcome', () => {
    expect(outcomeOf('ING-3.a, WQ-5.a does both')).toBe('does both');
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

describe('the conformance page', () => {
  const results = [aResult('ING-3.a gives | back `it`'), ...[1, 2, 3, 4, 5].map((n) => aResult(`WQ-5.a case ${n}`))];

  it('does not depend on the order in which tests ran', () => {
    expect(conformanceText(rules, [...results].reverse())).toBe(conformanceText(rules, results));
  });

  it('names each clause with its tests and counts what it does not list', () => {
    const page = conformanceText(rules, results);
    expect(page).toContain('1 rules passed, 1 partial, 0 not yet; 2 of 3 clauses passed.');
    expect(page).toContain(
      "- a, passed: same body\n  - [apps/ingest/src/x.spec.ts](../apps/ingest/src/x.spec.ts): `gives | back 'it'`",
    );
    expect(page).toContain('- b, not yet: another body');
    expect(page).toContain('`case 4`, and 1 more');
  });

  it('refuses a title that names a rule which does not exist', () => {
    expect(() => conformanceText(rules, [aResult('ING-3.z x')])).toThrow('ING-3.z');
  });
});
