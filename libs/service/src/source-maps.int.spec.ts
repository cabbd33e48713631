import { expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { testRun } from '@assay/testing';

/** Loads a service as its process does, and says what a stack of ours names and of which files maps are kept. */
const PROGRAM = `
  import { createRequire, findSourceMap } from 'node:module';
  import { join } from 'node:path';
  const build = process.argv[1];
  const { defineSettings, readSettings } = await import(join(build, 'libs/service/src/index.js'));
  await import(join(build, 'apps/notifier/src/notifier.module.js'));
  const dependencies = Object.keys(createRequire(import.meta.url).cache);
  const mapped = dependencies.filter((path) => findSourceMap(path) !== undefined);
  let stack;
  try {
    readSettings(defineSettings({}), { ASSAY_NO_SUCH_SETTING: '1' });
  } catch (error) {
    stack = error.stack;
  }
  console.log(JSON.stringify({ stack, dependencies, mapped }));
`;
const LARGE = /node_modules\/(typeorm|rxjs|class-validator|class-transformer)\//;

it('names our sources in stacks, and keeps no map of the dependencies whose maps are large', async () => {
  const { build } = testRun();
  const preload = join(build, 'libs', 'service', 'src', 'source-maps.js');
  const args = ['--import', preload, '--input-type=module', '--eval', PROGRAM, build];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 16 * 1024 * 1024 });
  const { stack, dependencies, mapped } = JSON.parse(stdout) as Record<'dependencies' | 'mapped', string[]> & {
    stack: string;
  };
  expect(stack).toMatch(/libs\/service\/src\/read-settings\.ts:\d+/);
  expect(dependencies.filter((path) => LARGE.test(path)).length).toBeGreaterThan(100);
  expect(mapped.filter((path) => LARGE.test(path))).toEqual([]);
});
