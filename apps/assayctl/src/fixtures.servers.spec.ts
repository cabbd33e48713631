import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { testRun } from '@assay/testing';

const fixtures = new URL('../../../libs/review-engine/fixtures/', import.meta.url);
const filesIn = (folder: string) => readdirSync(new URL(`${folder}/`, fixtures));
const answers = filesIn('answers').flatMap((name) => {
  const text = readFileSync(new URL(`answers/${name}`, fixtures), 'utf8');
  return (JSON.parse(text) as { answers: object[] }).answers;
});
const cases = [...filesIn('versions'), ...filesIn('documents'), ...answers];

/** The fixtures' runner, which is Python and knows nothing of ours but the command that it is given. */
function runFixtures(command: string[]) {
  const runner = fileURLToPath(new URL('run-fixtures.py', fixtures));
  const { status, stdout, stderr, error } = spawnSync('python3', [runner, ...command], { encoding: 'utf8' });
  if (error !== undefined) {
    throw new Error(`python3 cannot be run (${error.message}): the fixtures' runner needs it, 3.8 or later`);
  }
  return { status, stderr, lines: stdout.split('\n').filter((line) => /^(ok|FAIL)\b/.test(line)) };
}

describe('the fixtures, run from another language', () => {
  it('VER-7.b hold for the built assayctl', () => {
    const main = `${testRun().build}/bin/assayctl.js`;
    const { status, stderr, lines } = runFixtures([process.execPath, main, 'validate']);
    expect(lines.filter((line) => !line.startsWith('ok '))).toEqual([]);
    expect({ status, stderr, cases: lines.length }).toEqual({ status: 0, stderr: '', cases: cases.length });
  });

  it.each([
    ['answers otherwise', ['printf', '{"outcome": "accepted", "diagnostics": []}']],
    ['answers what is not JSON', ['printf', 'Traceback']],
    ['fails', ['false']],
  ])('VER-7.b do not hold for a command that %s', (_title, command) => {
    const { status, lines } = runFixtures(command);
    expect(status).toBe(1);
    expect(lines.every((line) => line.startsWith('FAIL'))).toBe(true);
    expect(lines).toHaveLength(cases.length);
  });
});
