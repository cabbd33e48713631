import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '@assay/postgres';
import type { Statement } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { explain, indexesOf, rowsRead, testDatabase } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { APPLY_CORRECTIONS } from './corrections/sql/apply-corrections.js';
import { BEGIN_GENERATION } from './corrections/sql/begin-generation.js';
import { LOCK_VERSION } from './corrections/sql/lock-version.js';
import { LOCK_FIRST, REPEATED } from './actions/sql/send-again.js';
import { ATTEMPT_NOW, WAITING_BEHIND, WAITING_OF_JOB } from './actions/sql/waiting-deliveries.js';
import { BEGIN_WAITING, CHANGE_PARENTS } from './delivery/sql/change-parents.js';
import { FIND_WAITING } from './delivery/sql/find-waiting.js';
import { RECORD_INTENTS } from './delivery/sql/record-intents.js';
import { SETTLE_DELIVERIES } from './delivery/sql/settle-deliveries.js';
import { WAITING_JOBS } from './delivery/sql/waiting-jobs.js';
import { listDeliveries, lastLookedAt, MOST_LOOKED_AT } from './reading/sql/list-deliveries.js';
import type { DeliveryFilter } from './reading/delivery-queries.js';
import { LOSE_EVIDENCE, TAKE_UNPROVEN } from './reconciliation/sql/evidence.js';
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
     INSERT INTO deliveries (id, source, changelist_id, review_version, channel, address, key, job_id, generation,
       state, born, notified_at)
     SELECT gen_random_uuid(), 'acme', changelist_id, 1, 'webhook', 'bot-' || a,
         sha256(convert_to(job_id::text || a, 'UTF8')), job_id, 0,
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

describe('statements of a changelist at 100,000 deliveries', () => {
  it.each<[string, Statement, string[]]>([
    ['adopt_deliveries', ADOPT_DELIVERIES, ['deliveries_identity', 'deliveries_pkey']],
    ['begin_waiting', BEGIN_WAITING, ['reviews_pkey']],
    ['begin_generation', BEGIN_GENERATION, ['reviews_pkey']],
    ['lock_version', LOCK_VERSION, ['deliveries_identity']],
    ['apply_corrections', APPLY_CORRECTIONS, ['deliveries_pkey']],
    ['waiting_of_job', WAITING_OF_JOB, ['deliveries_of_review']],
    ['waiting_behind', WAITING_BEHIND, ['deliveries_of_review', 'reviews_open']],
    ['attempt_now', ATTEMPT_NOW, ['deliveries_pkey']],
    ['lock_first_delivery', LOCK_FIRST, ['deliveries_pkey']],
    ['repeated_delivery', REPEATED, ['deliveries_identity', 'deliveries_of_review', 'deliveries_pkey']],
  ])('%s reads no whole table', async (_name, statement, uses) => {
    const plan = await explain(database, statement);
    expect(indexesOf(plan)).toEqual(expect.arrayContaining(uses));
    expect(plan.map(({ type }) => type)).not.toContain('Seq Scan');
    // A plan that is kept from when few reviews were open must not compare a batch with all that are.
    expect(plan.filter(({ join_filter }) => join_filter !== null)).toEqual([]);
  });

  it.each<[string, Statement, string[]]>([
    ['record_intents', RECORD_INTENTS, ['deliveries_pkey', 'work_items_pkey']],
    ['find_stranded', FIND_STRANDED, ['deliveries_of_review', 'reviews_open', 'work_items_pkey']],
    ['take_unproven', TAKE_UNPROVEN, ['deliveries_pkey', 'deliveries_unproven']],
    ['lose_evidence', LOSE_EVIDENCE, ['deliveries_pkey']],
    ['settle_deliveries', SETTLE_DELIVERIES, ['cancellations_pkey', 'deliveries_pkey']],
    ['change_parents', CHANGE_PARENTS, ['reviews_pkey']],
  ])('%s goes by ids and joins no two lists, planned while no item is there', async (_name, statement, uses) => {
    const plan = await explain(database, statement);
    expect(indexesOf(plan)).toEqual(uses);
    expect(plan.map(({ type }) => type)).not.toContain('Seq Scan');
    expect(plan.filter(({ join_filter }) => join_filter !== null)).toEqual([]);
  });

  it.each([
    ['of a channel', null, 10],
    ['of an address', 'bot-1', 10],
    ['of which there are none', 'nobody', 0],
  ])('DEL-7.d lists the jobs that wait %s by the reviews that are open', async (_title, address, jobs) => {
    const params = ['webhook', address, 501];
    const found = await database.query<{ job_id: string }>(WAITING_JOBS, params);
    expect(new Set(found.map(({ job_id }) => job_id)).size).toBe(jobs);
    expect(rowsRead(await explain(database, WAITING_JOBS, params))).toBeLessThanOrEqual(30);
  });

  it('ING-11.g finds the jobs that wait and have not said so by the reviews that are open, from where the last look ended', async () => {
    const params = ['webhook', 'bot-1', '-infinity', '00000000-0000-0000-0000-000000000000', 500];
    const found = await database.query<{ delivery_id: string | null; created_at: string; job_id: string }>(
      FIND_WAITING,
      params,
    );
    expect(found.filter(({ delivery_id }) => delivery_id !== null)).toHaveLength(10);
    expect(rowsRead(await explain(database, FIND_WAITING, params))).toBeLessThanOrEqual(40);
    [params[2], params[3]] = [found[6]!.created_at, found[6]!.job_id];
    expect(await database.query(FIND_WAITING, params)).toHaveLength(3);
  });
});

describe('lists at 100,000 deliveries', () => {
  const EVERY: DeliveryFilter = {
    ...{ addresses: null, job_id: null, key: null, behind: null, states: null, channel: null, sources: null },
  };
  const page = { before: null, limit: 51 };
  const waiting = { states: ['retry_scheduled', 'pending'] };
  const found = (filter: Partial<DeliveryFilter>, place: { before: string | null; limit: number } = page) => {
    const { text, params } = listDeliveries({ ...EVERY, ...filter }, place);
    return database.query<{ id: string }>(text, params);
  };
  const readOf = async (filter: Partial<DeliveryFilter>) => {
    const { text, params } = listDeliveries({ ...EVERY, ...filter }, page);
    return rowsRead(await explain(database, text, params));
  };

  it.each<[string, Partial<DeliveryFilter>, number]>([
    ['of all', {}, 51],
    ['to an address', { addresses: ['bot-1'] }, 51],
    ['behind a destination', { behind: { channel: 'webhook', address: 'bot-2', via: null } }, 51],
    ['that wait', waiting, 50],
    ['that wait behind a destination', { ...waiting, behind: { channel: 'webhook', address: 'bot-2', via: null } }, 50],
    ['that have failed', { states: ['failed_permanent', 'unknown'] }, 0],
    ['that were sent', { states: ['sent'] }, 100],
  ])('DEL-19.d a page of those %s reads little more than itself', async (_title, filter, most) => {
    expect(await readOf(filter)).toBeLessThanOrEqual(most);
  });

  it('DEL-19.d one delivery under its key, and those of a job, are read alone', async () => {
    const [row] = await own.sql<{ key: string; job_id: string }>(
      `SELECT encode(key, 'hex') AS key, job_id FROM deliveries LIMIT 1`,
    );
    expect(await readOf({ key: row!.key })).toBe(1);
    expect(await readOf({ job_id: row!.job_id })).toBe(2);
  });

  it('DEL-19.d a page that nothing fits looks at so many and no more, and the next goes on behind them', async () => {
    const filter = { ...EVERY, states: ['waived'] };
    const seen: string[] = [];
    let before: string | null = null;
    for (let pages = 0; pages < 20; pages += 1) {
      const { text, params } = listDeliveries(filter, { before, limit: 51 });
      expect(rowsRead(await explain(database, text, params))).toBeLessThanOrEqual(MOST_LOOKED_AT);
      const last = lastLookedAt(filter, before);
      const [row]: { id: string }[] = await database.query<{ id: string }>(last.text, last.params);
      if (!row) break;
      seen.push((before = row.id));
    }
    // 100,000 by 10,000; behind the tenth page there is nothing.
    expect(seen).toHaveLength((REVIEWS * 2) / MOST_LOOKED_AT);
    expect(seen).toEqual(seen.toSorted().reverse());
    expect(await found({}, { before: seen.at(-1)!, limit: 51 })).toEqual([]);
  });
});
