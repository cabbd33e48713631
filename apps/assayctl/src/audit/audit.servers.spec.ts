import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newNoteKeys } from '@assay/audit-log';
import { testRun } from '@assay/testing';
import { makeExport, ORIGIN } from './an-export.fixture.js';
import type { ExportFixture } from './an-export.fixture.js';

const assayctl = () => `${testRun().build}/bin/assayctl.js`;

/** A verifier in Go, by transparency-dev's libraries: nothing of it is ours but its thirty lines of reading files. */
describe('transparency-dev', () => {
  const sources = fileURLToPath(new URL('../../../../libs/audit-log/interop/', import.meta.url));
  let made: ExportFixture;
  let program: string;

  beforeAll(() => {
    made = makeExport(1_000, [7, 512, 1_000]);
    program = join(made.directory, '..', 'audit-interop');
    const { status, stderr, error } = spawnSync('go', ['build', '-o', program, '.'], {
      cwd: sources,
      encoding: 'utf8',
    });
    if (error !== undefined) throw new Error(`go cannot be run (${error.message}): 1.25 or later is needed`);
    expect({ status, stderr }).toMatchObject({ status: 0 });
  }, 300_000);
  afterAll(() => made.remove());

  function inGo(...args: string[]) {
    const { status, stdout, stderr } = spawnSync(program, [...args, made.key], { encoding: 'utf8' });
    return { status, said: stdout.trim(), stderr };
  }
  const ours = (...args: string[]) =>
    spawnSync(process.execPath, [assayctl(), 'audit', ...args, '--key', made.key], { encoding: 'utf8' });
  const entry = (at: number) => {
    const lines = readFileSync(join(made.directory, 'entries.jsonl'), 'utf8').split('\n');
    return made.file(`entry-${at}`, `${lines[at]}\n`);
  };

  it('DLQ-11.n computes the root that we have signed, and knows our signature and key id', () => {
    expect(inGo('export', made.directory)).toMatchObject({ status: 0, said: '1000' });
    expect(ours('verify', made.directory).status).toBe(0);
  });

  it('DLQ-11.n refuses what we refuse: another key, a changed entry', () => {
    const other = newNoteKeys(ORIGIN).verifier_key;
    expect(spawnSync(program, ['export', made.directory, other]).status).toBe(1);
    const file = join(made.directory, 'entries.jsonl');
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.toString('utf8').replace('key:dana', 'key:dona'));
    expect([inGo('export', made.directory).status, ours('verify', made.directory).status]).toEqual([1, 1]);
    writeFileSync(file, bytes);
  });

  it('DLQ-11.n finds each entry where our tlog-proof says, and no other there', () => {
    for (const at of [0, 1, 511, 512, 998, 999]) {
      const proof = made.file('proof', ours('proof', made.directory, String(at)).stdout);
      expect(inGo('proof', proof, entry(at))).toMatchObject({ status: 0, said: String(at) });
      expect(inGo('proof', proof, entry(at ^ 1)).status).toBe(1);
    }
  });

  it('DLQ-11.n follows our proofs of consistency from each older checkpoint, and from no other', () => {
    for (const size of [7, 512, 1_000]) {
      const proof = made.file('consistency', ours('proof', made.directory, '--since', made.checkpointAt(size)).stdout);
      expect(inGo('consistency', proof, made.checkpointAt(size))).toMatchObject({ status: 0, said: `${size} 1000` });
      expect(inGo('consistency', proof, made.checkpointAt(size === 7 ? 512 : 7)).status).toBe(1);
    }
  });
});

describe('a large export', () => {
  const MOST_MS = 60_000;
  /** Of the heap: what an object for each entry would take is more, so that the process would end. */
  const HEAP_MIB = 48;
  /** What a process may take more for ten times as many entries, which are 457 MiB: buffers wait to be collected. */
  const FLAT_MIB = 96;

  /** Runs the built command and tells how long it took, and the most memory that it had. */
  function measured({ directory, key }: ExportFixture) {
    const tell = `process.on('exit', () => process.stderr.write(String(process.resourceUsage().maxRSS / 1_024)));`;
    const run = `process.argv.push('assayctl', 'audit', 'verify', ...${JSON.stringify([directory, '--key', key])});`;
    const script = `${tell}${run}await import(${JSON.stringify(assayctl())});`;
    const began = performance.now();
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [`--max-old-space-size=${HEAP_MIB}`, '--input-type=module', '-e', script],
      {
        encoding: 'utf8',
      },
    );
    return { status, stdout, mib: Number(stderr), took_ms: performance.now() - began };
  }

  it('DLQ-11.o of 1_000_000 entries is verified in under a minute, in the memory (maxRSS) of a tenth of it', () => {
    const [small, large] = [100_000, 1_000_000].map((count) => {
      const made = makeExport(count);
      const result = measured(made);
      made.remove();
      return result;
    }) as [ReturnType<typeof measured>, ReturnType<typeof measured>];
    process.stdout.write(
      `a million entries: ${Math.round(large.took_ms)} ms, ${Math.round(large.mib)} MiB; a tenth: ${Math.round(small.mib)} MiB\n`,
    );
    expect(small).toMatchObject({ status: 0 });
    expect(large).toMatchObject({ status: 0, stdout: expect.stringContaining('1000000 entries') });
    expect(large.took_ms).toBeLessThan(MOST_MS);
    expect(large.mib - small.mib).toBeLessThan(FLAT_MIB);
  }, 600_000);
});
