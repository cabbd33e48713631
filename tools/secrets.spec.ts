import { expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './repository.js';

/** Forms that nothing but a secret has. */
const FORMS = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}/,
  /\bgh[opsu]_[A-Za-z0-9]{36}\b/,
  /\bglpat-[A-Za-z0-9_-]{20}/,
  /\bAKIA[0-9A-Z]{16}\b/,
  /\bxox[abpr]-[A-Za-z0-9-]{20}/,
  /\bhvs\.[A-Za-z0-9_-]{24}/,
  /\bassay_[A-Za-z0-9_-]{43}\b/,
  /\bwhsec_[A-Za-z0-9+/]{32}/,
  /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20}/,
  /[a-z]+:\/\/[\w.-]+:(?!\$)[^\s:@/'"`${}]{16,}@/,
];

/** Examples that are published with the format itself, and so are nobody's. */
const PUBLISHED = new Set([
  'apps/notifier/src/providers/webhook/standard-webhooks.spec.ts',
  'libs/security/src/past-leaks.fixture.json',
  'libs/security/src/redact.spec.ts',
]);

const secretsIn = (text: string): string[] => FORMS.flatMap((form) => form.exec(text)?.[0] ?? []);

it('SEC-3.d stands in no file that is kept: code, images, settings, tests', () => {
  const listed = execFileSync('git', ['ls-files'], { cwd: REPOSITORY, encoding: 'utf8' });
  const files = listed.trim().split('\n');
  expect(files.length).toBeGreaterThan(500);
  const texts = files
    .filter((file) => !PUBLISHED.has(file))
    .map((file) => readFileSync(join(REPOSITORY, file), 'utf8'));
  expect(texts.flatMap(secretsIn)).toEqual([]);
});
