// What `npm run test:mutation` runs for each mutant. No set-up files and Jest's own environment: Stryker puts its own
// around it, and the engine opens nothing that could be left open.
import config from '../../jest.config.js';

const { transform, moduleNameMapper, extensionsToTreatAsEsm } = config.projects[0];

export default {
  rootDir: import.meta.dirname,
  testMatch: ['<rootDir>/mutation.entry.ts'],
  testEnvironment: 'node',
  testTimeout: 60_000,
  extensionsToTreatAsEsm,
  moduleNameMapper,
  transform,
};
