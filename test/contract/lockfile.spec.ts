import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

describe('package-lock.json', () => {
  it('names every platform’s packages, without which npm ci refuses it', () => {
    const script = join(import.meta.dirname, '..', '..', 'tools', 'complete-lockfile.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });
});
