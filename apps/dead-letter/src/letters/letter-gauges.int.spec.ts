import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { explain, indexesOf, rowsRead, testDatabase, wholeScans } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { OPEN_AMONG } from '../intake/sql/open-among.js';
import { COUNT_OPEN, COUNTED_TO } from './sql/count-open.js';

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await testDatabase('dead_letter');
  const url = fixedSecret(own.url);
  const options = { url, schema: 'dead_letter', pool_size: 1, statement_timeout_ms: 5_000, application_name: 'gauges' };
  database = await new Database(options).open();
}, 60_000);
afterAll(async () => {
  await database.close();
  await own.close();
});

async function insert(letters: number, error_class: string, state: string): Promise<void> {
  await own.sql(
    `INSERT INTO dead_letters (id, subject_type, subject_id, stage, source, generation, revision, occurred_at, error_class,
       code, last_stack, sanitized_context, fingerprint, first_failure_at, last_failure_at, state, correlation_id, closed_at)
     SELECT gen_random_uuid(), 'job', gen_random_uuid()::text, 'validate', 'acme', 0, 1, clock_timestamp(), $2, 'away', '',
       '{}', 'f', clock_timestamp(), clock_timestamp(), $3, 'c',
       CASE WHEN $3 IN ('resolved', 'discarded') THEN clock_timestamp() END
     FROM generate_series(1, $1::int)`,
    [letters, error_class, state],
  );
}

describe('how many dead letters stand where', () => {
  it('leaves the look for open letters its own, planned while there is none', async () => {
    await own.sql('ANALYZE dead_letters');
    const plan = await explain(database, OPEN_AMONG);
    expect(indexesOf(plan)).toEqual(['dead_letters_open']);
    expect(wholeScans(plan)).toEqual([]);
  });

  it('OBS-2.d counts those that are not closed to a bound, and reads no more, at 100,000 dead letters', async () => {
    await own.sql('ANALYZE dead_letters');
    await insert(60_000, 'DEPENDENCY_UNAVAILABLE', 'open');
    await insert(3, 'DEPENDENCY_UNAVAILABLE', 'triaged');
    await insert(5, 'PROGRAMMING_ERROR', 'open');
    await insert(40_000, 'PROGRAMMING_ERROR', 'resolved');
    expect(await database.query(COUNT_OPEN, [COUNTED_TO])).toEqual([
      { error_class: 'DEPENDENCY_UNAVAILABLE', state: 'open', letters: COUNTED_TO },
      { error_class: 'DEPENDENCY_UNAVAILABLE', state: 'triaged', letters: 3 },
      { error_class: 'PROGRAMMING_ERROR', state: 'open', letters: 5 },
    ]);
    expect(rowsRead(await explain(database, COUNT_OPEN, [COUNTED_TO]))).toBeLessThan(COUNTED_TO + 100);
  });
});
