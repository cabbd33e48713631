import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { explain, rowsRead, testDatabase } from '@assay/testing';
import type { PlanNode, TestDatabase } from '@assay/testing';
import { LIST_ITEMS, listPlans } from './replay/plans-view.repository.js';
import { FIND_SILENT, LOCK_REPLAYING, SilentReplaysRepository } from './replay/silent-replays.repository.js';
import { listLetters } from './triage/letters-view.repository.js';

const ROWS = 100_000;
const UNDER_WAY = 100;
let database: TestDatabase;
let connection: Database;
let plan_id: string;

beforeAll(async () => {
  database = await testDatabase('dead_letter');
  await database.sql(
    `INSERT INTO dead_letters (id, subject_type, subject_id, stage, source, generation, revision, occurred_at,
       error_class, code, last_stack, sanitized_context, fingerprint, first_failure_at, last_failure_at, state,
       correlation_id, closed_at)
     SELECT gen_random_uuid(), 'delivery', n, 'notify', CASE WHEN n % 50 = 0 THEN 'acme' ELSE 'bulk-' || n % 3 END, 0, 1,
       now(), 'RECIPIENT_INVALID', 'smtp_550', repeat('x', 500), '{}', 'f-' || n % 1000, now(), now(),
       CASE WHEN n % 1000 = 0 THEN 'replaying' WHEN n % 100 = 0 THEN 'open' ELSE 'resolved' END, 'c',
       CASE WHEN n % 100 = 0 THEN NULL ELSE now() END
     FROM generate_series(1, $1::int) AS n`,
    [ROWS],
  );
  await database.sql(
    `INSERT INTO replay_plans (id, state, action, items_per_second, sources, created_by, request_hash, correlation_id)
     SELECT gen_random_uuid(), CASE WHEN n % 1000 = 0 THEN 'executing' ELSE 'completed' END, 'replay', 5,
       ARRAY[CASE WHEN n % 3 = 0 THEN 'acme' ELSE 'bulk-1' END], 'key:x', '\\x00', 'c'
     FROM generate_series(1, $1::int) AS n`,
    [ROWS],
  );
  const [plan] = await database.sql<{ id: string }>(`SELECT id FROM replay_plans LIMIT 1`);
  plan_id = plan!.id;
  await database.sql(
    `INSERT INTO replay_items (id, plan_id, position, dead_letter_id, action, start_stage, checks, state, error_class)
     SELECT gen_random_uuid(), $1, row_number() OVER (), id, 'replay', 'notify', '[]',
       CASE WHEN state = 'replaying' THEN 'requested' ELSE 'resolved' END, error_class
     FROM dead_letters`,
    [plan_id],
  );
  await database.sql('ANALYZE');
  const url = fixedSecret(database.url);
  const options = { url, schema: 'dead_letter', pool_size: 2, statement_timeout_ms: 10_000, application_name: 'plans' };
  connection = await new Database(options).open();
}, 120_000);
afterAll(async () => {
  await connection.close();
  await database.close();
});

const isSort = ({ type }: PlanNode) => type.endsWith('Sort');

describe('lists at 100,000 rows', () => {
  const page = { before: 90_000, limit: 51 };

  it.each([
    ['of every source', {}, null],
    ['of one source', {}, ['acme']],
    ['of one source that was asked for', { source: 'acme' }, null],
    ['of one cause', { fingerprint: 'f-100' }, null],
    ['of one state', { state: 'open' }, null],
  ])(
    'DLQ-5.f a page of dead letters %s reads itself alone, by the order of an index',
    async (_title, filter, sources) => {
      for (const before of [null, page.before]) {
        const { text, params } = listLetters(filter, sources, { ...page, before });
        const plan = await explain(connection, text, params);
        expect(rowsRead(plan)).toBe(page.limit);
        expect(plan.filter(isSort)).toEqual([]);
      }
    },
  );

  /** Every third plan is of acme; 100 are executing. */
  it.each([
    ['of every source', {}, null, page.limit],
    ['of one source', {}, ['acme'], page.limit * 3],
    ['of one state', { state: 'executing' as const }, ['acme'], 100],
  ])(
    'DLQ-5.f a page of plans %s goes by the order of an index until it is full',
    async (_title, filter, sources, most) => {
      for (const before of [null, page.before]) {
        const { text, params } = listPlans(filter, sources, { ...page, before });
        const plan = await explain(connection, text, params);
        expect(rowsRead(plan, 'replay_plans')).toBeLessThanOrEqual(most);
        expect(plan.slice(0, 2).filter(isSort)).toEqual([]);
      }
    },
  );

  it('a page of items reads itself alone, by their position', async () => {
    const plan = await explain(connection, LIST_ITEMS, [plan_id, null, 50_000, 51]);
    expect(rowsRead(plan, 'replay_items')).toBe(51);
    expect(plan.filter(isSort)).toEqual([]);
  });

  it('the look for silent replays reads those under way alone', async () => {
    await database.sql(`UPDATE replay_items SET changed_at = now() - interval '2 hours' WHERE state = 'requested'`);
    expect(rowsRead(await explain(connection, FIND_SILENT, [3_600_000, UNDER_WAY]))).toBe(UNDER_WAY);
    const ids = await new SilentReplaysRepository().find(connection, 3_600_000, UNDER_WAY);
    expect(rowsRead(await explain(connection, LOCK_REPLAYING, [ids]))).toBe(UNDER_WAY);
  });
});
