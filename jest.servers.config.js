// Tests that need further servers or languages than Node and Java (apt, Python, Go), and those of whole stacks that start
// servers of their own beside the run's: `npm run test:servers`.
import config, { shared } from './jest.config.js';

export default {
  ...config,
  // Some of them measure: two at once leave a processor to what they measure.
  maxWorkers: 2,
  reporters: ['default', ['<rootDir>/libs/testing/src/results-reporter.mjs', { results: 'test-results-servers.json' }]],
  projects: [
    {
      ...shared,
      displayName: 'servers',
      testMatch: ['<rootDir>/{apps,infra,libs,test}/**/*.servers.spec.ts'],
      globalSetup: '<rootDir>/libs/testing/src/global-setup.mjs',
      globalTeardown: '<rootDir>/libs/testing/src/global-teardown.mjs',
    },
  ],
};
