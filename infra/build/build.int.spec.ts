import { expect, it } from '@jest/globals';
import { testRun } from '@assay/testing';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const bin = () => join(testRun().build, 'bin');

it('makes programs whose stacks name our sources', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-build-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const env = {
    ASSAY_API_KEYS_FILE: file('keys.json', '{ not JSON'),
    ASSAY_DEPOT_ALLOW_LIST_FILE: file('depots.json', '{"changed_by":"spec","entries":["//depot/project/..."]}'),
    ...{ ASSAY_POSTGRES_URL: 'env:URL', URL: 'postgres://a:b@127.0.0.1:1/c', ASSAY_KAFKA_BROKERS: '127.0.0.1:1' },
    ...{ ASSAY_ARTEFACT_KEYS: 'env:KEYS', KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}` },
  };
  try {
    const started = promisify(execFile)(process.execPath, ['--enable-source-maps', join(bin(), 'ingest.js')], { env });
    await expect(started).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/"start_failed".*libs\/security\/src\/[a-z.-]+\.ts:\d+/),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('keeps no map of a dependency but the name of its file', () => {
  const names = readdirSync(bin(), { recursive: true }) as string[];
  const maps = names.filter((name) => name.endsWith('.map')).map((name) => readFileSync(join(bin(), name), 'utf8'));
  const sources = maps.flatMap((text) => (JSON.parse(text) as { sources: string[] }).sources);
  expect(sources.filter((source) => source.includes('node_modules')).length).toBeGreaterThan(100);
  expect(maps.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(3_000_000);
});
