// `npm run test:mutation`: whether the engine's tests notice when its code is changed. Left out is what is data and held
// by tests of its own: the schemas, the texts of the reason codes, samples for tests, files that only export.
// One mutant at a time: it is a run for a quiet hour, not for every commit.
export default {
  mutate: [
    'libs/review-engine/src/**/*.ts',
    '!libs/review-engine/src/**/*.spec.ts',
    '!libs/review-engine/src/**/index.ts',
    '!libs/review-engine/src/engine/samples.ts',
    '!libs/review-engine/src/contract/review-result-*.ts',
    '!libs/review-engine/src/reason-codes.ts',
  ],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--no-warnings'],
  jest: { configFile: 'libs/review-engine/jest.mutation.config.js', enableFindRelatedTests: false },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  // Jest keeps what ESM loads: 2 GB after some hundred runs in one process.
  maxTestRunnerReuse: 100,
  timeoutMS: 5_000,
  thresholds: { high: 90, low: 80, break: 70 },
  reporters: ['clear-text', 'progress', 'json', 'html'],
  jsonReporter: { fileName: '.local/mutation/report.json' },
  htmlReporter: { fileName: '.local/mutation/report.html' },
  clearTextReporter: { allowColor: false, reportTests: false },
  tempDirName: '.local/mutation/sandbox',
  ignorePatterns: ['.local', 'examples', 'infra', 'test', 'apps'],
  disableTypeChecks: false,
  allowConsoleColors: false,
};
