import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSystem } from '@assay/testing';
import type { TestSystem } from '@assay/testing';
import { SERVICES } from '../../infra/local/service-names.js';
import { tryService } from './api.js';
import { installSchemathesis } from './schemathesis.js';
import { makeSubjects, type Subjects } from './subjects.js';

/** Few, for every change; `npm run test:api` tries more. */
const TRIES = { examples: 10, seed: 1 };
const LIMIT_MS = 600_000;

let program: string;
let system: TestSystem;
let subjects: Subjects;

beforeAll(async () => {
  program = await installSchemathesis();
  system = await startSystem({});
  subjects = await makeSubjects(system);
}, LIMIT_MS);
afterAll(() => system?.close(), LIMIT_MS);

describe('a client that knows the documents alone', () => {
  it.each(SERVICES)(
    'gets no answer of %s that its document does not describe, and no 5xx',
    async (service) => {
      expect(await tryService({ program, system, subjects }, service, TRIES)).toEqual([]);
    },
    LIMIT_MS,
  );
});
