import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startSystem, testRun } from '@assay/testing';
import type { TestSystem } from '@assay/testing';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundlePrograms, compileSource } from './compile-source.js';
import { repositoryRoot } from './repository.js';
import { SERVICES } from './service-names.js';
import { readImports, touchedServices } from './touched-services.js';

let system: TestSystem;
beforeAll(async () => {
  system = await startSystem();
}, 120_000);
afterAll(() => system.close(), 60_000);

it('restarts the service that a changed source belongs to, and no other', async () => {
  const pids = () => SERVICES.map((service) => system.services.of(service)[0]!.process.pid);
  const before = pids();
  const touched = touchedServices('apps/validator/src/dry-run/dry-run.service.ts', readImports(repositoryRoot()));
  await Promise.all(touched.map((service) => system.services.reload(service)));
  const after = pids();
  expect(SERVICES.filter((_, index) => after[index] !== before[index])).toEqual(['validator']);
  const { status } = await system.call('/readyz', { url: system.services.of('validator')[0]!.probes_url });
  expect(status).toBe(200);
}, 60_000);

it('compiles a source as the build does', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'assay-compile-'));
  try {
    const file = 'apps/validator/src/dry-run/dry-run.service.ts';
    await compileSource(repositoryRoot(), file, folder);
    const built = (build: string) => readFile(join(build, file.replace(/ts$/, 'js')), 'utf8');
    const code = (text: string) => text.replace(/\/\/# sourceMappingURL=.*\s*$/, '').trim();
    expect(code(await built(folder))).toBe(code(await built(testRun().build)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('bundles a program again with what was compiled since', async () => {
  const { build } = testRun();
  const folder = join(await mkdtemp(join(dirname(build), 'bundle-')), 'build');
  try {
    await cp(build, folder, { recursive: true });
    const file = join(folder, 'apps', 'assayctl', 'src', 'main.js');
    await writeFile(file, `${await readFile(file, 'utf8')}\nconsole.log('changed');\n`);
    await bundlePrograms(repositoryRoot(), folder);
    expect(await readFile(join(folder, 'bin', 'assayctl.js'), 'utf8')).toContain(`console.log("changed")`);
  } finally {
    await rm(dirname(folder), { recursive: true, force: true });
  }
});
