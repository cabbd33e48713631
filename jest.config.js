// Two projects over the same code: `unit` needs nothing, `integration` needs the local stack, which its global set-up
// starts once for the run. ESM throughout, because Nest 12 ships nothing else.
import { readFileSync } from 'node:fs';
import { bundledPackages } from './libs/testing/src/test-packages.mjs';

const { jsc } = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));
const aliases = Object.fromEntries(
  Object.entries(jsc.paths).map(([alias, [target]]) => [`^${alias}$`, `<rootDir>/${target}`]),
);

export const shared = {
  rootDir: import.meta.dirname,
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { ...aliases, ...(await bundledPackages()), '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: jsc.target,
          parser: jsc.parser,
          transform: jsc.transform,
          keepClassNames: true,
        },
      },
    ],
  },
  testEnvironment: '<rootDir>/libs/testing/src/leak-checking-environment.mjs',
  setupFiles: ['reflect-metadata', '<rootDir>/libs/testing/src/quiet-logs.mjs'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.local/mutation'],
};

export default {
  // A busy machine makes a test slow, not wrong: it fails by what it expects, not by how long that took.
  testTimeout: 60_000,
  // Integration tests mostly wait (for leases, groups, restarts): on two cores jest's own choice is one worker. With three
  // tests of time limits fail now and then for want of a processor.
  maxWorkers: 2,
  reporters: ['default', '<rootDir>/libs/testing/src/results-reporter.mjs'],
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: [
        '<rootDir>/{apps,libs,infra,tools}/**/*.spec.ts',
        '<rootDir>/test/{bench,contract,faults}/**/*.spec.ts',
      ],
      testPathIgnorePatterns: ['\\.(int|servers)\\.spec\\.ts$', '/node_modules/'],
    },
    {
      ...shared,
      displayName: 'integration',
      testMatch: ['<rootDir>/{apps,libs,infra}/**/*.int.spec.ts'],
      globalSetup: '<rootDir>/libs/testing/src/global-setup.mjs',
      globalTeardown: '<rootDir>/libs/testing/src/global-teardown.mjs',
    },
    {
      ...shared,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.e2e.spec.ts'],
      globalSetup: '<rootDir>/libs/testing/src/global-setup.mjs',
      globalTeardown: '<rootDir>/libs/testing/src/global-teardown.mjs',
    },
  ],
};
