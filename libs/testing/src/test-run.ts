import type { InfrastructureAddress } from '../../../infra/local/infrastructure.js';
import type { DatabaseService } from '../../../infra/local/postgres.js';

/** What the global set-up tells every test file, through the environment that Jest's workers inherit. */
export interface TestRun {
  /** The directory that the repository was built into for this run. */
  build: string;
  address: InfrastructureAddress;
  /** Logs of whatever the run starts. */
  log_directory: string;
  /** The database that {@link testDatabase} copies: every service's schema, migrated. */
  template: string;
  /** Why a service's schema is not in the template, by service. */
  faults: Partial<Record<DatabaseService, string>>;
}

export const TEST_RUN_VARIABLE = 'ASSAY_TEST_RUN';

/** The run that this test file belongs to. There is none for unit tests, which need no stack. */
export function testRun(): TestRun {
  const text = process.env[TEST_RUN_VARIABLE];
  if (text === undefined)
    throw new Error('no stack: only *.int.spec.ts and *.e2e.spec.ts may ask for Kafka and Postgres');
  return JSON.parse(text) as TestRun;
}
