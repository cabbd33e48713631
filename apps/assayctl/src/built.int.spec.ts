import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { testRun } from '@assay/testing';

const submission = {
  changed_files: ['src/a.c'],
  review_result: { schema_version: '1.0', prompt_version: '1.0.0', findings: [] },
};

function timed(args: string[], input = '') {
  const started_ms = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { input, encoding: 'utf8' });
  return { status, stdout, stderr, took_ms: performance.now() - started_ms };
}

/** The command as it is built and run, in a process of its own. */
describe('the built assayctl', () => {
  const main = () => `${testRun().build}/apps/assayctl/src/main.js`;

  it('VAL-13.b answers on standard output and by its exit code', () => {
    const accepted = timed([main(), 'validate', '-', '--json'], JSON.stringify(submission));
    expect(accepted).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(accepted.stdout)).toMatchObject({ outcome: 'accepted' });
    expect(timed([main(), 'validate', '-'], JSON.stringify({ ...submission, review_result: '!' })).status).toBe(1);
    expect(timed([main(), 'validate', '/nowhere.json'])).toMatchObject({ status: 2, stdout: '' });
  });

  it('VAL-13.b starts within 150 ms of what node itself takes', () => {
    const least = (args: string[]) => Math.min(...Array.from({ length: 5 }, () => timed(args).took_ms));
    expect(least([main(), 'compatibility']) - least(['-e', '0'])).toBeLessThan(150);
  });
});
