import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { testRun } from '@assay/testing';

const submission = {
  changelist_id: 4711,
  review_version: 1,
  changed_files: ['src/a.c'],
  review_result: { schema_version: '1.0', prompt_version: '1.0.0', findings: [] },
};

function run(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** CPU time of a process that loads a module, if any: time on the wall says more of the machine than of the command. */
function cpuMs(module: string | null): number {
  const tell = `process.on('exit', () => { const { user, system } = process.cpuUsage(); process.stderr.write(String((user + system) / 1_000)); });`;
  const load =
    module === null ? '' : `process.argv.push('assayctl', 'compatibility'); await import(${JSON.stringify(module)});`;
  return Number(run(['--input-type=module', '-e', tell + load]).stderr);
}

/** The command as it is built and run, in a process of its own. */
describe('the built assayctl', () => {
  const main = () => `${testRun().build}/bin/assayctl.js`;

  it('VAL-13.b answers on standard output and by its exit code', () => {
    const accepted = run([main(), 'validate', '-', '--json'], JSON.stringify(submission));
    expect(accepted).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(accepted.stdout)).toMatchObject({ outcome: 'accepted' });
    expect(run([main(), 'validate', '-'], JSON.stringify({ ...submission, review_result: '!' })).status).toBe(1);
    expect(run([main(), 'validate', '/nowhere.json'])).toMatchObject({ status: 2, stdout: '' });
  });

  it('VAL-13.b starts within 150 ms of what node itself takes', () => {
    const least = (module: string | null) => Math.min(...Array.from({ length: 5 }, () => cpuMs(module)));
    const bare_ms = least(null);
    expect(bare_ms).toBeGreaterThan(0);
    // A slow machine shows by what node itself takes there.
    expect(least(main()) - bare_ms).toBeLessThan(Math.max(150, 2 * bare_ms));
  });
});
