import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Rule, TestResult } from './conformance.js';
import { namesOf } from './conformance.js';

/**
 * What a test must run against to prove a clause. `unit`: the code alone, which every test does. `postgres`, `kafka`: a
 * real server. `process`: a process of its own, as it is deployed or called. `fault`: something is killed, stopped,
 * cut off or made silent while it runs.
 */
export const EVIDENCE = ['unit', 'postgres', 'kafka', 'process', 'fault'] as const;
export type Evidence = (typeof EVIDENCE)[number];

/** What a test file uses for each kind, itself or by its fixtures. */
const MARKS: Record<Exclude<Evidence, 'unit'>, RegExp> = {
  postgres: /\b(testDatabase|startSystem|PostgresServers\.open)\(/,
  kafka: /\b(testKafka|secureKafka|startSystem)\(/,
  process: /\bstartSystem\(|from 'node:child_process'/,
  fault:
    /\bPostgresProxy\.start\(|\bproxies: true\b|'SIGSTOP'|\bAtomics\.wait\(|'SIGKILL'|pg_terminate_backend|behaviour: '|\.behave\(/,
};

export interface TestFile {
  /** Of the file and the fixtures that it imports. */
  text: string;
  kinds: ReadonlySet<Evidence>;
}

const FIXTURES = /from '(\.{1,2}\/[^']+)\.js'/g;

/** Reads a test file with the fixtures and helpers that stand beside the tests, whoever imports them. */
export function readTestFile(root: string, file: string): TestFile {
  const seen = new Map<string, string>();
  collect(join(root, file), seen);
  const text = [...seen.values()].join('\n');
  const marked = (Object.keys(MARKS) as (keyof typeof MARKS)[]).filter((kind) => MARKS[kind].test(text));
  return { text: seen.get(join(root, file)) ?? '', kinds: new Set<Evidence>(['unit', ...marked]) };
}

function collect(path: string, seen: Map<string, string>): void {
  if (seen.has(path) || !existsSync(path)) return;
  const text = readFileSync(path, 'utf8');
  seen.set(path, text);
  for (const [, imported] of text.matchAll(FIXTURES)) {
    if (isForTests(imported!) || path.includes('/test/')) collect(resolve(dirname(path), `${imported!}.ts`), seen);
  }
}

const isForTests = (imported: string): boolean => imported.endsWith('.fixture') || imported.includes('/test/');

/**
 * Titles that claim a clause which their file cannot prove: it runs against less than the clause needs, or none of the
 * clause's words stands in it.
 */
export function unprovenClaims(
  rules: readonly Rule[],
  results: readonly TestResult[],
  read: (file: string) => TestFile,
): string[] {
  const clauses = new Map(rules.flatMap(({ id, clauses: own }) => own.map((clause) => [`${id}.${clause.id}`, clause])));
  const faults = results.flatMap(({ file, title }) =>
    namesOf(title).flatMap(({ rule, clause: letter }) => {
      const name = `${rule}.${letter}`;
      const clause = clauses.get(name);
      if (!clause) return [];
      const { kinds, text } = read(file);
      if (!kinds.has(clause.evidence)) return [`${name} needs ${clause.evidence}, which ${file} does not use`];
      const missing = (clause.words ?? []).filter((word) => !text.includes(word));
      return missing.length > 0 ? [`${name} needs the word ${missing.join(', ')}, which ${file} does not have`] : [];
    }),
  );
  return [...new Set(faults)].sort();
}
