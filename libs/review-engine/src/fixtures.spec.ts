import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  definePolicy,
  judgeSubmission,
  publishedSchema,
  readPolicyDocument,
  REGISTERED_VERSIONS,
  verdictDocument,
} from './index.js';
import type { Diagnostic, JudgedSubmission, VerdictDocument } from './index.js';

/** One case; the format stands in fixtures/README.md. */
interface Fixture {
  title: string;
  rules: string[];
  policy: object;
  registered?: Record<string, string>;
  source?: string;
  submission: JudgedSubmission;
  expected: Omit<VerdictDocument, 'diagnostics'> & { diagnostics: Partial<Diagnostic>[] };
}

const root = new URL('../fixtures/', import.meta.url);

function fixturesIn(folder: string): Fixture[] {
  const directory = new URL(`${folder}/`, root);
  return readdirSync(directory).map((name) => JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as Fixture);
}

function judged({ policy, registered = {}, source, submission }: Fixture): VerdictDocument {
  const further = Object.entries(registered).map(([version, like]) => ({
    version,
    schema: publishedSchema(like)!,
    standing: { status: 'supported' as const },
  }));
  const compiled = definePolicy(readPolicyDocument(policy), { registry: [...REGISTERED_VERSIONS, ...further] });
  return verdictDocument(judgeSubmission(submission, { policy: compiled, allow_list: null, source }).verdict);
}

describe.each(['versions', 'documents'])('the fixtures of %s', (folder) => {
  for (const fixture of fixturesIn(folder)) {
    it(`${fixture.rules.join(' ')} ${fixture.title}`, () => {
      const { diagnostics, ...rest } = judged(fixture);
      const { diagnostics: expected, ...expectedRest } = fixture.expected;
      const asked = Object.keys(expectedRest) as (keyof typeof rest)[];
      expect(Object.fromEntries(asked.map((member) => [member, rest[member]]))).toEqual(expectedRest);
      expect(diagnostics).toEqual(expected.map((diagnostic) => expect.objectContaining(diagnostic)));
    });
  }
});

it('VER-7.a has a fixture for every verdict and for each case that is named', () => {
  const fixtures = fixturesIn('versions');
  const verdicts = fixtures.flatMap(({ expected }) => [
    expected.versions.schema_verdict,
    expected.versions.prompt_verdict,
  ]);
  expect([...new Set(verdicts)].sort()).toEqual([
    'compatible_minor',
    'compatible_patch',
    'exact',
    'incompatible_major',
    'incompatible_minor',
    'malformed',
  ]);
  const names = readdirSync(new URL('versions/', root));
  for (const name of [
    'exact',
    'minor-compatible',
    'gap-minor',
    'patch-drift-on',
    'patch-drift-off',
    'older-minor',
    'incompatible-major',
    'malformed',
  ]) {
    expect(names).toContain(`${name}.json`);
  }
});
