import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { assayctl } from './assayctl.js';

const examples = new URL('../../../examples/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, examples), 'utf8');

function validate(submission: string) {
  let out = '';
  const code = assayctl(['validate', '-', '--json'], {
    read: () => Buffer.from(submission),
    run: () => {
      throw new Error('no other program is needed');
    },
    out: (text) => (out += text),
    err: (text) => (out += text),
    env: {},
    colour: false,
    columns: 100,
  });
  return { code, verdict: JSON.parse(out) as { outcome: string; counts: Record<string, unknown> } };
}

const folders = readdirSync(new URL('dry-run/', examples), { withFileTypes: true }).filter((entry) =>
  entry.isDirectory(),
);

describe('the examples', () => {
  it.each(folders.map(({ name }) => name))('VAL-13.b give the verdict that stands beside them: %s', (name) => {
    const { code, verdict } = validate(read(`dry-run/${name}/submission.json`));
    expect(verdict).toEqual(JSON.parse(read(`dry-run/${name}/verdict.json`)));
    expect(code).toBe(verdict.outcome === 'accepted' ? 0 : 1);
  });

  it('VAL-13.b keep what the README of payments-retry says: 20 of 25, eight of them coerced', () => {
    const submission = JSON.parse(read('payments-retry/submission.json')) as object;
    const review_result = JSON.parse(read('payments-retry/review-result.json')) as object;
    const { verdict } = validate(JSON.stringify({ ...submission, review_result }));
    expect(verdict.counts).toMatchObject({ submitted: 25, kept: 20, dropped: 5, coerced: 8 });
  });
});
