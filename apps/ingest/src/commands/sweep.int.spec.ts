import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { testDatabase, testRun } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';

let own: TestDatabase;
beforeAll(async () => {
  own = await testDatabase('ingest');
});
afterAll(() => own.close());

/** The command as a CronJob runs it: a process with Postgres' address and nothing else. */
function sweep(): Promise<unknown> {
  const script = join(testRun().build, 'bin', 'ingest', 'sweep.js');
  const env = { PATH: process.env['PATH'], DATABASE_URL: own.url, ASSAY_POSTGRES_URL: 'env:DATABASE_URL' };
  return promisify(execFile)(process.execPath, [script], { env });
}

it('WQ-4.b takes back expired items from the command line, and leaves the others', async () => {
  await own.sql(
    `INSERT INTO work_items (id, queue, subject_id, generation, state, phase, priority, due_at, claimed_by, lease_token,
       lease_expires_at, correlation_id)
     SELECT gen_random_uuid(), 'submitted', subject, 0, 'running', 'work', 5, now(), 'gone', $1::uuid,
       now() + lease::interval, 'spec'
     FROM (VALUES ('expired', '-1 s'), ('held', '1 h')) AS items(subject, lease)`,
    [randomUUID()],
  );
  await sweep();
  await sweep();
  expect(await own.sql('SELECT subject_id, state, crashes FROM work_items ORDER BY subject_id')).toEqual([
    { subject_id: 'expired', state: 'queued', crashes: 1 },
    { subject_id: 'held', state: 'running', crashes: 0 },
  ]);
}, 60_000);
