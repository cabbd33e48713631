import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge, titlesWithoutClause, unknownNames } from './conformance.js';
import type { ClauseStanding, Rule, RuleStanding, Standing, TestResult } from './conformance.js';
import { readTestFile, unprovenClaims } from './evidence.js';
import type { TestFile } from './evidence.js';
import { escapeCell } from './markdown.js';
import type { Page } from './pages.js';
import { REPOSITORY } from './repository.js';

const RULES = 'docs/rules.json';
/** Of the two commands that run tests. */
const RESULTS = { 'npm test': 'test-results.json', 'npm run test:servers': 'test-results-servers.json' };

export const conformancePage: Page = {
  path: 'docs/conformance.md',
  build: () => {
    const { rules } = JSON.parse(readFileSync(join(REPOSITORY, RULES), 'utf8')) as { rules: Rule[] };
    const results = readResults();
    for (const title of titlesWithoutClause(rules, results)) console.warn(title);
    return conformanceText(rules, results, fileReader());
  },
};

function readResults(): TestResult[] {
  return Object.entries(RESULTS).flatMap(([command, file]) => {
    try {
      return JSON.parse(readFileSync(join(REPOSITORY, '.local', file), 'utf8')) as TestResult[];
    } catch (error) {
      throw new Error(`docs/conformance.md is made from the last whole test runs: run \`${command}\` first`, {
        cause: error,
      });
    }
  });
}

function fileReader(): (file: string) => TestFile {
  const read = new Map<string, TestFile>();
  return (file) => {
    let known = read.get(file);
    if (!known) read.set(file, (known = readTestFile(REPOSITORY, file)));
    return known;
  };
}

/**
 * The page holds no date, no duration and no count of tests: it changes when a clause gains or loses its proof, or when
 * a file that proves it comes or goes.
 */
export function conformanceText(
  rules: readonly Rule[],
  results: readonly TestResult[],
  read: (file: string) => TestFile,
): string {
  const faults = [...unknownNames(rules, results), ...unprovenClaims(rules, results, read)];
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const standings = judge(rules, results);
  const areas = [...new Set(rules.map(({ area }) => area))];
  return [
    '# Conformance',
    'Made by `npm run generate` from the last whole runs of `npm test` and `npm run test:servers`, and from [rules.json](rules.json), which names the clauses of each rule of [spec.md](spec.md). A rule has passed only when each of its clauses has a test that passed. The letter of a clause stands in the titles of its tests, as in `ING-3.b`: look for that in the files below. Each clause says what its tests must run against (the code alone, a real Postgres, a real Kafka, a process of its own, a fault made on purpose), and a title cannot claim a clause whose kind its file is not.',
    overview(standings),
    ...areas.flatMap((area) => [
      `## ${area}`,
      ...standings.filter(({ rule }) => rule.area === area).map((standing) => ruleText(standing)),
    ]),
    '',
  ].join('\n\n');
}

function overview(standings: readonly RuleStanding[]): string {
  const count = (standing: Standing) => standings.filter((one) => one.standing === standing).length;
  const clauses = standings.flatMap((one) => one.clauses);
  const sum = `${count('passed')} rules passed, ${count('partial')} partial, ${count('not yet')} not yet; ${clauses.filter(({ passed }) => passed).length} of ${clauses.length} clauses passed.`;
  const rows = standings.map(({ rule, standing, clauses: own }) => {
    const missing = own.filter(({ passed }) => !passed).map(({ clause }) => clause.id);
    return `| [${rule.id}](#${rule.id.toLowerCase()}) | ${escapeCell(rule.text)} | ${standing} | ${standing === 'passed' ? '' : missing.join(', ')} |`;
  });
  return [
    sum,
    '',
    '| rule | in short | standing | clauses that lack a test |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function ruleText({ rule, standing, clauses }: RuleStanding): string {
  return [
    `### ${rule.id}`,
    '',
    `${rule.text}: ${standing}.`,
    '',
    ...clauses.flatMap((clause) => clauseText(clause)),
  ].join('\n');
}

function clauseText({ clause, passed, tests }: ClauseStanding): string[] {
  const state = passed ? 'passed' : tests.length > 0 ? 'failed' : 'not yet';
  return [`- ${clause.id}, ${state} (${clause.evidence}): ${clause.text}`, ...filesText(tests)];
}

/** No titles: they change with every test, and the clause's letter finds them in the file. */
function filesText(tests: readonly TestResult[]): string[] {
  const files = [...new Set(tests.map(({ file }) => file))].sort();
  return files.map((file) => `  - [${file}](../${file})`);
}
