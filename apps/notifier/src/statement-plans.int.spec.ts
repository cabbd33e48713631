import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@assay/postgres';
import type { Statement } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { testDatabase } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { v7 } from 'uuid';
import { APPLY_CORRECTIONS } from './corrections/sql/apply-corrections.js';
import { BEGIN_GENERATION } from './corrections/sql/begin-generation.js';
import { LOCK_VERSION } from './corrections/sql/lock-version.js';
import { ADOPT_DELIVERIES } from './intake/sql/insert-deliveries.js';

const REVIEWS = 10_000;
let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await testDatabase('notifier');
  await own.sql(
    `WITH made AS (
       INSERT INTO reviews (job_id, generation, source, changelist_id, review_version, priority, open, correlation_id,
         job_url, findings_url, validated)
       SELECT gen_random_uuid(), 0, 'acme', 'c-' || n, 1, 5, 0, 'c', 'j', 'f', '' FROM generate_series(1, $1::int) AS n
       RETURNING job_id, changelist_id)
     INSERT INTO deliveries (id, source, changelist_id, review_version, channel, address, job_id, generation, state, born)
     SELECT gen_random_uuid(), 'acme', changelist_id, 1, 'webhook', 'bot-' || a, job_id, 0, 'pending', 'pending'
       FROM made, generate_series(1, 2) AS a`,
    [REVIEWS],
  );
  await own.sql('ANALYZE reviews, deliveries');
  const url = fixedSecret(own.url);
  const options = { url, schema: 'notifier', pool_size: 2, statement_timeout_ms: 5_000, application_name: 'plans' };
  database = await new Database(options).open();
}, 60_000);
afterAll(async () => {
  await database.close();
  await own.close();
});

/** The plan that a prepared statement keeps, whatever its parameters. */
function planOf({ text }: Statement, params: readonly string[]): Promise<string> {
  return database.transaction(async (tx) => {
    await tx.execute('SET LOCAL plan_cache_mode = force_generic_plan');
    await tx.execute(`PREPARE hot AS ${text}`);
    const rows = await tx.query(`EXPLAIN EXECUTE hot(${params.map((value) => `'${value}'`).join(', ')})`);
    await tx.execute('DEALLOCATE hot');
    return rows.map((row) => Object.values(row)[0] as string).join('\n');
  });
}

describe('statements of a changelist at 20,000 deliveries', () => {
  it.each<[string, Statement, string[], string[]]>([
    ['DEL-15.c adopt_deliveries', ADOPT_DELIVERIES, ['[]', 'a'], ['deliveries_identity', 'deliveries_pkey']],
    ['DEL-10.c begin_generation', BEGIN_GENERATION, [v7(), '1', 'acme'], ['reviews_pkey']],
    ['DEL-10.c lock_version', LOCK_VERSION, ['acme', 'c-7', '1'], ['deliveries_identity']],
    ['DEL-10.c apply_corrections', APPLY_CORRECTIONS, ['[]', v7(), '1', 'a', ''], ['deliveries_pkey']],
  ])('%s reads no whole table', async (_name, statement, params, uses) => {
    const plan = await planOf(statement, params);
    for (const part of uses) expect(plan).toContain(part);
    expect(plan).not.toMatch(/Seq Scan on (deliveries|reviews)/);
  });
});
