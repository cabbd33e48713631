import { describe, expect, it } from '@jest/globals';
import { SERVICES } from './service-names.js';
import { repositoryRoot } from './repository.js';
import { readImports, touchedServices } from './touched-services.js';

describe('the services that a changed source touches', () => {
  const imports = readImports(repositoryRoot());

  it.each([
    ['apps/ingest/src/main.ts', ['ingest']],
    ['libs/service/src/health.ts', [...SERVICES]],
    ['libs/contracts/src/problem.ts', [...SERVICES]],
    ['libs/review-engine/src/verdict.ts', ['ingest', 'validator']],
    ['apps/assayctl/src/main.ts', []],
    ['libs/testing/src/eventually.ts', []],
    ['libs/service/src/shape.spec.ts', []],
    ['docs/spec.md', []],
  ])('%s: %j', (file, services) => {
    expect(touchedServices(file, imports)).toEqual(services);
  });
});
