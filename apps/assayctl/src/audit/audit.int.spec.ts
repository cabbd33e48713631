import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newNoteKeys } from '@assay/audit-log';
import { testRun } from '@assay/testing';
import { makeExport, ORIGIN } from './an-export.fixture.js';
import type { ExportFixture } from './an-export.fixture.js';

let made: ExportFixture;
beforeEach(() => void (made = makeExport(100, [40, 70])));
afterEach(() => made.remove());

/** The built command, which knows no service: it has the files and the public key. */
function audit(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`${testRun().build}/bin/assayctl.js`, 'audit', ...args],
    { encoding: 'utf8', env: {} },
  );
  return { status, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
}
const verify = (...more: string[]) => audit('verify', made.directory, '--key', made.key, ...more);
const path = (name: string) => join(made.directory, name);
const lines = () => readFileSync(path('entries.jsonl'), 'utf8').split('\n').slice(0, -1);
const writeLines = (of: readonly string[]) => writeFileSync(path('entries.jsonl'), `${of.join('\n')}\n`);

describe('assayctl audit verify', () => {
  it('DLQ-11.p says that an export holds, by the public key alone, and exits with 0', () => {
    const { status, stdout, stderr } = verify('--origin', ORIGIN, '--checkpoint', made.checkpointAt(40));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^holds\n100 entries of assay\.example\/audit under the root \S{44}\n$/);
    expect(verify('--json').json()).toMatchObject({ holds: true, size: 100, entries: 100, faults: [] });
  });

  it('DLQ-11.p names the first bad entry, and exits with 1', () => {
    writeLines(lines().map((line, at) => (at === 61 ? line.replace('key:dana', 'key:eve') : line)));
    const { status, stdout } = verify();
    expect({ status, stdout }).toMatchObject({ status: 1, stdout: expect.stringContaining('first bad entry: 61\n') });
    expect(stdout).toContain('entry_changed: entry 61: ');
    const { json } = verify('--json');
    expect(json()).toMatchObject({
      holds: false,
      first_bad_index: 61,
      faults: [{ code: 'entry_changed', before: 62 }],
    });
  });

  it('DLQ-11.p, DLQ-11.m holds an export against checkpoints kept before, one by one or in the directory `earlier`', () => {
    const other = makeExport(100, [70]);
    const args = ['verify', other.directory, '--key', other.key, '--key', made.key];
    const kept = audit(...args, '--checkpoint', made.checkpointAt(70), '--checkpoint', made.checkpointAt(40), '--json');
    expect({ status: kept.status, ...kept.json() }).toMatchObject({
      status: 1,
      faults: [{ code: 'log_forked', index: 0, before: 40 }],
    });
    mkdirSync(join(other.directory, 'earlier'));
    copyFileSync(made.checkpointAt(70), join(other.directory, 'earlier', '70'));
    expect(audit(...args, '--json').json()).toMatchObject({ faults: [{ code: 'log_forked', before: 70 }] });
    other.remove();
  });

  it('DLQ-11.p refuses another key, and exits with 1', () => {
    const { verifier_key } = newNoteKeys(ORIGIN);
    const { status, stdout } = audit('verify', made.directory, '--key', verifier_key);
    expect(status).toBe(1);
    expect(stdout).toContain('does not hold  unknown_key');
    expect(audit('verify', made.directory, '--key', verifier_key, '--json').json()).toMatchObject({
      code: 'unknown_key',
    });
  });

  it.each([
    ['no key', () => ['verify', made.directory]],
    ['a key that is none', () => ['verify', made.directory, '--key', 'x']],
    ['no export', () => ['verify', '/nowhere', '--key', made.key]],
    ['a file that is missing', () => (rmSync(path('hashes')), ['verify', made.directory, '--key', made.key])],
    ['an unknown subcommand', () => ['falsify', made.directory]],
    ['hours that are none', () => ['verify', made.directory, '--key', made.key, '--max-lateness-h', 'x']],
  ])('DLQ-11.p exits with 2 for %s', (_what, args) => {
    const { status, stderr } = audit(...args());
    expect(status).toBe(2);
    expect(stderr).toContain('usage: assayctl audit ');
  });
});

describe('assayctl audit proof', () => {
  const prove = (...args: string[]) =>
    made.file('proof', audit('proof', made.directory, ...args, '--key', made.key).stdout);
  const check = (proof: string, ...args: string[]) => audit('verify-proof', proof, ...args, '--key', made.key);

  it('DLQ-11.p proves of each entry that it stands in the log, and of no other', () => {
    const entry = (at: number) => made.file('entry', `${lines()[at]}\n`);
    for (const at of [0, 63, 64, 99]) {
      const proof = prove(String(at));
      expect(readFileSync(proof, 'utf8').startsWith(`c2sp.org/tlog-proof@v1\nindex ${at}\n`)).toBe(true);
      expect(check(proof, '--entry', entry(at))).toMatchObject({ status: 0, stdout: 'holds\n' });
      expect(check(proof, '--entry', entry(at ^ 1))).toMatchObject({ status: 1, stdout: 'does not hold\n' });
    }
  });

  it('DLQ-11.p proves that the log has only grown since a checkpoint', () => {
    const proof = prove('--since', made.checkpointAt(40));
    expect(check(proof, '--since', made.checkpointAt(40)).status).toBe(0);
    expect(check(proof, '--since', made.checkpointAt(70)).status).toBe(1);
  });

  it.each([
    ['neither an index nor a checkpoint', []],
    ['an index beyond the log', ['100']],
    ['what is no index', ['x']],
  ])('DLQ-11.p exits with 2 for %s', (_what, args) => {
    expect(audit('proof', made.directory, ...args, '--key', made.key).status).toBe(2);
  });
});
