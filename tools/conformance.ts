import type { Evidence } from './evidence.js';

/** One clause of a rule: the letter that stands in a test's title and what is promised, in short. */
export interface Clause {
  id: string;
  text: string;
  /** What its tests must run against. */
  evidence: Evidence;
  /** What each file that claims it must speak of: a name without which a test cannot be about this clause. */
  words?: string[];
}

/** A rule of docs/spec.md, as docs/rules.json holds it. */
export interface Rule {
  id: string;
  area: string;
  text: string;
  clauses: Clause[];
}

/** What the reporter writes of each test that ran. */
export interface TestResult {
  project: string;
  file: string;
  title: string;
  status: string;
}

export type Standing = 'passed' | 'partial' | 'not yet';

export interface ClauseStanding {
  clause: Clause;
  passed: boolean;
  tests: TestResult[];
}

export interface RuleStanding {
  rule: Rule;
  standing: Standing;
  clauses: ClauseStanding[];
}

/** A test names what it proves at the head of its title: `ING-3.b answers 409 …`, or several: `DEL-1.a, GEN-2.a …`. */
const ONE_NAME = /^([A-Z]+-\d+)(?:\.([a-z]))?(?:, | and |: | |$)/;

export interface Named {
  rule: string;
  clause: string | null;
}

export function namesOf(title: string): Named[] {
  const names: Named[] = [];
  let rest = title;
  for (let match = ONE_NAME.exec(rest); match; match = ONE_NAME.exec(rest)) {
    names.push({ rule: match[1]!, clause: match[2] ?? null });
    rest = rest.slice(match[0].length);
  }
  return names;
}

/**
 * How each rule stands: passed when each of its clauses has a passed test and no failed one, partial when one has.
 * A title that names a rule without a clause proves its only clause, and nothing where there are several.
 */
export function judge(rules: readonly Rule[], results: readonly TestResult[]): RuleStanding[] {
  const testsByClause = new Map<string, TestResult[]>();
  const soleClause = new Map(rules.map(({ id, clauses }) => [id, clauses.length === 1 ? clauses[0]!.id : null]));
  for (const result of results) {
    for (const { rule, clause } of namesOf(result.title)) {
      const key = `${rule}.${clause ?? soleClause.get(rule)}`;
      testsByClause.set(key, [...(testsByClause.get(key) ?? []), result]);
    }
  }
  return rules.map((rule) => {
    const clauses = rule.clauses.map((clause) => {
      const tests = testsByClause.get(`${rule.id}.${clause.id}`) ?? [];
      return { clause, tests, passed: tests.length > 0 && tests.every(({ status }) => status === 'passed') };
    });
    return { rule, clauses, standing: standingOf(clauses) };
  });
}

function standingOf(clauses: readonly ClauseStanding[]): Standing {
  if (clauses.every(({ passed }) => passed)) return 'passed';
  return clauses.some(({ passed }) => passed) ? 'partial' : 'not yet';
}

/** Titles that name a rule or a clause which docs/rules.json does not have: a slip of the pen that would prove nothing. */
export function unknownNames(rules: readonly Rule[], results: readonly TestResult[]): string[] {
  const known = new Set(rules.flatMap(({ id, clauses }) => [id, ...clauses.map((clause) => `${id}.${clause.id}`)]));
  const areas = new Set(rules.map(({ id }) => id.replace(/-\d+$/, '')));
  const faults = results.flatMap(({ file, title }) =>
    namesOf(title)
      .filter(({ rule }) => areas.has(rule.replace(/-\d+$/, '')))
      .map(({ rule, clause }) => (clause ? `${rule}.${clause}` : rule))
      .filter((name) => !known.has(name))
      .map((name) => `${name}, named by ${file}, is not in docs/rules.json`),
  );
  return [...new Set(faults)].sort();
}

/** Titles that name a rule of several clauses and none of them: such a test proves nothing of its rule. */
export function titlesWithoutClause(rules: readonly Rule[], results: readonly TestResult[]): string[] {
  const several = new Set(rules.filter(({ clauses }) => clauses.length > 1).map(({ id }) => id));
  const titles = results.flatMap(({ file, title }) =>
    namesOf(title)
      .filter(({ rule, clause }) => clause === null && several.has(rule))
      .map(({ rule }) => `${file}: ${rule} has clauses; name one: ${title}`),
  );
  return [...new Set(titles)].sort();
}
