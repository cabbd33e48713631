import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { explain, rowsRead, testDatabase } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { ForgottenJobsRepository } from './forgotten-jobs.repository.js';
import { FIND_FORGOTTEN, LOCK_FORGOTTEN } from './sql/find-forgotten.js';

const JOBS = 100_000;
const FORGOTTEN = 150;
const HOUR_MS = 3_600_000;

let own: TestDatabase;
let database: Database;

/** Every job is open and was quiet for two hours; all but the newest, which are forgotten, wait in the queue for Kafka. */
async function fill(): Promise<void> {
  await own.sql(
    `INSERT INTO jobs (id, source, idempotency_key, body_digest, body_bytes, changelist_id, review_version, rerun,
       priority, recipients, allow_list_hash, submitted_by, correlation_id, accepted_at, quiet_since)
     SELECT lpad(to_hex(n), 32, '0')::uuid, 'acme', 'key-' || n, sha256(n::text::bytea), 9000, 'c-' || n, 1, false, 5,
       '[]', 'h', 'k', 'c', now() - interval '2 hours', now() - interval '2 hours'
     FROM generate_series(1, $1::int) AS n`,
    [JOBS],
  );
  await own.sql(
    `INSERT INTO work_items (id, queue, subject_id, generation, state, phase, priority, due_at, correlation_id)
     SELECT gen_random_uuid(), 'submitted', id::text, 0, 'queued', 'publish', 5, now(), 'c' FROM jobs
       ORDER BY id LIMIT $1`,
    [JOBS - FORGOTTEN],
  );
  await own.sql('ANALYZE jobs');
  // As autovacuum finds it in the usual way: the backlog comes later.
  await own.sql('ANALYZE work_items');
}

beforeAll(async () => {
  own = await testDatabase('ingest');
  const options = { schema: 'ingest', pool_size: 2, statement_timeout_ms: 10_000, application_name: 'plans' };
  database = await new Database({ url: fixedSecret(own.url), ...options }).open();
  await fill();
}, 60_000);
afterAll(async () => {
  await database.close();
  await own.close();
});

describe('the look for forgotten jobs at 100,000 open jobs and items', () => {
  it('ING-11.h finds those whose item has gone, the oldest first, however many wait for Kafka before them', async () => {
    const repository = new ForgottenJobsRepository();
    const found = await repository.find(database, HOUR_MS, 100);
    const numbers = found.map((id) => Number.parseInt(id.replaceAll('-', ''), 16));
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => JOBS - FORGOTTEN + 1 + n));
  });

  it('ING-11.h reads jobs and items once each, and of jobs no more than the limit again', async () => {
    const look = await explain(database, FIND_FORGOTTEN, [HOUR_MS, ['submitted', 'replay'], 100]);
    expect(rowsRead(look, 'work_items')).toBe(JOBS - FORGOTTEN);
    expect(rowsRead(look, 'jobs')).toBe(JOBS);
    const found = await new ForgottenJobsRepository().find(database, HOUR_MS, 100);
    expect(rowsRead(await explain(database, LOCK_FORGOTTEN, [HOUR_MS, found]))).toBe(100);
  });
});
