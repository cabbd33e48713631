import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rule } from './conformance.js';
import { EVIDENCE } from './evidence.js';
import { REPOSITORY } from './repository.js';

const { rules } = JSON.parse(readFileSync(join(REPOSITORY, 'docs/rules.json'), 'utf8')) as { rules: Rule[] };
const spec = readFileSync(join(REPOSITORY, 'docs/spec.md'), 'utf8');

it('docs/rules.json has every rule of docs/spec.md, in its order, and no other', () => {
  const inSpec = [...spec.matchAll(/^- ([A-Z]+-\d+) /gm)].map(([, id]) => id);
  expect(inSpec.length).toBeGreaterThan(90);
  expect(rules.map(({ id }) => id)).toEqual(inSpec);
});

it('docs/rules.json letters the clauses of each rule from a on', () => {
  for (const { clauses } of rules) {
    const letters = clauses.map((_, n) => String.fromCharCode('a'.charCodeAt(0) + n));
    expect(letters.length).toBeGreaterThan(0);
    expect(clauses.map(({ id }) => id)).toEqual(letters);
  }
});

it('docs/rules.json says of each clause what its tests must run against', () => {
  const kinds = rules.flatMap(({ clauses }) => clauses.map(({ evidence }) => evidence));
  expect(kinds.filter((kind) => !EVIDENCE.includes(kind))).toEqual([]);
});
