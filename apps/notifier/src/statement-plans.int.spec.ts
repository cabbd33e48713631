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
import { WAITING_JOBS } from './delivery/sql/refuse-credential.js';
import { BEGIN_WAITING, CHANGE_PARENTS } from './delivery/sql/change-parents.js';
import { RECORD_INTENTS } from './delivery/sql/record-intents.js';
import { SETTLE_DELIVERIES } from './delivery/sql/settle-deliveries.js';
import { FIND_STRANDED } from './reconciliation/sql/find-stranded.js';
import { ADOPT_DELIVERIES } from './intake/sql/insert-deliveries.js';

const REVIEWS = 50_000;
let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await testDatabase('notifier');
  await own.sql(
    `WITH made AS (
       INSERT INTO reviews (job_id, generation, source, changelist_id, review_version, priority, open, correlation_id,
         job_url, findings_url, validated)
       SELECT gen_random_uuid(), 0, 'acme', 'c-' || n, 1, 5, CASE WHEN n <= 10 THEN 2 ELSE 0 END, 'c', 'j', 'f', ''
         FROM generate_series(1, $1::int) AS n
       RETURNING job_id, changelist_id, open)
     INSERT INTO deliveries (id, source, changelist_id, review_version, channel, address, job_id, generation, state, born,
       notified_at)
     SELECT gen_random_uuid(), 'acme', changelist_id, 1, 'webhook', 'bot-' || a, job_id, 0,
         CASE WHEN open > 0 THEN 'pending' ELSE 'sent' END, 'pending', CASE WHEN open = 0 THEN clock_timestamp() END
       FROM made, generate_series(1, 2) AS a`,
    [REVIEWS],
  );
  await own.sql('ANALYZE reviews, deliveries, work_items');
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

interface PlanNode {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

/** Rows of tables that the kept plan looks at. */
function rowsRead({ text }: Statement, params: readonly (string | number | null)[]): Promise<number> {
  const literals = params.map((value) => (value === null ? 'NULL' : `'${value}'`));
  return database.transaction(async (tx) => {
    await tx.execute('SET LOCAL plan_cache_mode = force_generic_plan');
    await tx.execute(`PREPARE looked AS ${text}`);
    const sql = `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE looked(${literals.join(', ')})`;
    const [row] = await tx.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(sql);
    await tx.execute('DEALLOCATE looked');
    return rowsOf(row!['QUERY PLAN'][0].Plan);
  });
}

function rowsOf(node: PlanNode): number {
  const rows = (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
  return (node.Plans ?? []).reduce((sum, child) => sum + rowsOf(child), node['Relation Name'] ? rows : 0);
}

describe('statements of a changelist at 100,000 deliveries', () => {
  it.each<[string, Statement, string[], string[]]>([
    ['DEL-15.c adopt_deliveries', ADOPT_DELIVERIES, ['[]', 'a'], ['deliveries_identity', 'deliveries_pkey']],
    ['ING-11.g begin_waiting', BEGIN_WAITING, ['[]'], ['reviews_pkey']],
    ['DEL-10.c begin_generation', BEGIN_GENERATION, [v7(), '1', 'acme'], ['reviews_pkey']],
    ['DEL-10.c lock_version', LOCK_VERSION, ['acme', 'c-7', '1'], ['deliveries_identity']],
    ['DEL-10.c apply_corrections', APPLY_CORRECTIONS, ['[]', v7(), '1', 'a', ''], ['deliveries_pkey']],
  ])('%s reads no whole table', async (_name, statement, params, uses) => {
    const plan = await planOf(statement, params);
    for (const part of uses) expect(plan).toContain(part);
    expect(plan).not.toMatch(/Seq Scan on (deliveries|reviews)/);
  });

  it.each<[string, Statement, string[], string[]]>([
    ['DEL-3.a record_intents', RECORD_INTENTS, ['[]', 'a'], ['deliveries_pkey', 'work_items_pkey']],
    [
      'DEL-11.a find_stranded',
      FIND_STRANDED,
      ['1000', '10'],
      ['deliveries_of_review', 'reviews_open', 'work_items_pkey'],
    ],
    ['DEL-3.a settle_deliveries', SETTLE_DELIVERIES, ['[]', 'a'], ['deliveries_pkey']],
    ['DEL-15.a change_parents', CHANGE_PARENTS, ['[]'], ['reviews_pkey']],
  ])(
    '%s goes by ids and joins no two lists, planned while no item is there',
    async (_name, statement, params, uses) => {
      const plan = await planOf(statement, params);
      const scans = [...plan.matchAll(/Scan using (\w+) on (?:reviews|deliveries|work_items)/g)].map(
        ([, index]) => index!,
      );
      expect([...new Set(scans)].sort()).toEqual(uses);
      expect(plan).not.toContain('Join Filter');
    },
  );

  it.each([
    ['of a channel', null, 10],
    ['of an address', 'bot-1', 10],
    ['of which there are none', 'nobody', 0],
  ])('DEL-7.d lists the jobs that wait %s by the reviews that are open', async (_title, address, jobs) => {
    const params = ['webhook', address, 501];
    const found = await database.query<{ job_id: string }>(WAITING_JOBS, params);
    expect(new Set(found.map(({ job_id }) => job_id)).size).toBe(jobs);
    expect(await rowsRead(WAITING_JOBS, params)).toBeLessThanOrEqual(30);
  });
});
