import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { explain, leastGrowth, rowsRead, testDatabase, wholeScans } from '@assay/testing';
import type { JobState } from '@assay/contracts';
import type { TestDatabase } from '@assay/testing';
import { Database } from '@assay/postgres';
import type { Statement } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { ProgressRepository } from './progress/progress.repository.js';
import type { ChangedJob, JobInProgress } from './progress/progress.repository.js';
import { LOCK_PROGRESS } from './progress/sql/lock-progress.js';
import { STORE_PROGRESS } from './progress/sql/store-progress.js';
import { LOCK_REPLAYED } from './replay/sql/lock-replayed.js';
import { STORE_REPLAYS } from './replay/sql/store-replays.js';
import { listQuery } from './reviews/jobs.repository.js';
import type { VisibleSources } from './reviews/jobs.repository.js';
import { LOAD_CONTEST } from './reviews/sql/load-contest.js';
import { LOAD_STANDING } from './reviews/sql/load-standing.js';
import { LOCK_CONTEST } from './reviews/sql/lock-contest.js';
import { LOCK_PASSING } from './reviews/sql/lock-passing.js';
import { PASS_KEYS } from './reviews/sql/pass-keys.js';
import { SETTLED_AMONG } from './reviews/sql/settled-among.js';

const JOBS = 100_000;
const BATCH = 64;
let database: TestDatabase;
let connection: Database;
let ids: string[];
/** Of these jobs, as progress and replays store them: json. */
let changes: string;

beforeAll(async () => {
  database = await testDatabase('ingest');
  await database.sql(
    `INSERT INTO jobs (id, source, idempotency_key, body_digest, body_bytes, changelist_id, review_version, rerun,
       priority, recipients, allow_list_hash, submitted_by, correlation_id, state, settled_at, accepted_at)
     SELECT gen_random_uuid(), CASE WHEN n % 50 = 0 THEN 'acme' ELSE 'bulk' END, 'key-' || n, sha256(n::text::bytea), 9000, 'c-' || n, 1, false, 5, '[]', 'h',
       'k', 'c', s.state, CASE WHEN s.state IN ('succeeded', 'failed', 'superseded') THEN clock_timestamp() END,
       clock_timestamp() - ($1 - n) * interval '1 s'
     FROM generate_series(1, $1::int) AS n
       CROSS JOIN LATERAL (SELECT CASE WHEN n <= 200 THEN 'failed' WHEN n <= 400 THEN 'retryable_failed'
         WHEN n % 3 = 0 THEN 'superseded' ELSE 'succeeded' END AS state) AS s`,
    [JOBS],
  );
  await database.sql('ANALYZE jobs');
  const url = fixedSecret(database.url);
  const options = { url, schema: 'ingest', pool_size: 2, statement_timeout_ms: 5_000, application_name: 'plans' };
  connection = await new Database(options).open();
  const [batch] = await database.sql<{ ids: string[]; changes: string }>(
    `SELECT array_agg(id) AS ids, json_agg(to_jsonb(j) || jsonb_build_object('settles', false, 'event_id', id,
       'occurred_at', now(), 'from_state', state, 'cause', 'replayed', 'validates_again', true))::text AS changes
     FROM (SELECT * FROM jobs LIMIT $1) AS j`,
    [BATCH],
  );
  ({ ids, changes } = batch!);
}, 60_000);
afterAll(async () => {
  await connection.close();
  await database.close();
});

describe('hot statements at 100,000 jobs', () => {
  const of_source = Array.from({ length: BATCH }, (_, n) => 50 * (n + 1));
  const sources = of_source.map(() => 'acme');
  const keys = of_source.map((n) => `key-${n}`);
  const changelists = of_source.map((n) => `c-${n}`);

  it.each<[string, Statement, () => unknown[], number]>([
    ['load_contest', LOAD_CONTEST, () => [sources, keys, changelists], 2 * BATCH],
    ['lock_contest', LOCK_CONTEST, () => [[1, 2, 3]], 0],
    ['lock_passing', LOCK_PASSING, () => [ids], BATCH],
    ['pass_keys', PASS_KEYS, () => [ids, ids], BATCH],
    ['lock_progress', LOCK_PROGRESS, () => [ids], BATCH],
    ['store_progress', STORE_PROGRESS, () => [changes, '[]', ids], BATCH],
    ['lock_replayed', LOCK_REPLAYED, () => [ids], BATCH],
    ['load_standing', LOAD_STANDING, () => [sources, changelists], BATCH],
    ['store_replays', STORE_REPLAYS, () => ['[]', '', changes, ids], BATCH],
    ['settled_among', SETTLED_AMONG, () => [ids], BATCH],
  ])('%s reads no job but those that it names', async (_name, statement, params, most) => {
    const plan = await explain(connection, statement, params());
    expect(rowsRead(plan, 'jobs')).toBeLessThanOrEqual(most);
    expect(wholeScans(plan)).toEqual([]);
  });

  it.each([
    ['of one source', { sources: ['acme'], limit: 50 }, 50],
    ['of every source', { sources: '*' as const, limit: 50 }, 50],
    ['of a changelist', { sources: ['acme'], changelist_id: 'c-50', limit: 50 }, 1],
  ])('a page %s reads itself alone', async (_title, filter, rows) => {
    const { text, params } = listQuery(filter);
    expect(rowsRead(await explain(connection, text, params))).toBe(rows);
  });

  it.each<[JobState, VisibleSources, number]>([
    ['failed', ['acme'], 4],
    ['failed', '*', 50],
    ['failed', ['acme', 'bulk'], 50],
    ['superseded', ['nobody'], 0],
    ['superseded', '*', 50],
    ['retryable_failed', '*', 50],
    ['retryable_failed', ['acme'], 4],
    ['in_progress', '*', 0],
    ['succeeded', ['acme'], 50],
  ])('a page of %s jobs of %j reads no more than these and what is under way', async (state, sources, found) => {
    const { text, params } = listQuery({ sources, state, limit: 50 });
    expect(await connection.query(text, params)).toHaveLength(found);
    expect(rowsRead(await explain(connection, text, params))).toBeLessThanOrEqual(210);
  });

  it('a job moves on its page (HOT) until it ends, whatever the lists find it by', async () => {
    const counts = `SELECT pg_stat_get_xact_tuples_updated('jobs'::regclass)::int AS updated,
      pg_stat_get_xact_tuples_hot_updated('jobs'::regclass)::int AS hot`;
    const [before, after] = await connection.transaction(async (tx) => {
      const [first] = await tx.query<{ updated: number; hot: number }>(counts);
      await tx.execute(`UPDATE jobs SET state = 'in_progress' WHERE settled_at IS NULL`);
      const [second] = await tx.query<{ updated: number; hot: number }>(counts);
      return [first!, second!];
    });
    expect(after.updated - before.updated).toBe(200);
    expect(after.hot - before.hot).toBeGreaterThan(20);
  });

  it('storing the progress of a batch costs its size and not its square', async () => {
    const repository = new ProgressRepository();
    const batchOf = async (n: number) => {
      const jobs = await database.sql<JobInProgress>(
        `SELECT id, source, changelist_id, review_version, correlation_id, traceparent, priority, state, generation, stage,
           revision, validate_revision, notify_revision, counts, versions, reading, truncated, deliveries, given_up
         FROM jobs LIMIT $1`,
        [n],
      );
      return jobs.map((job): ChangedJob => ({ ...job, alive: true, latest: true, next_due_at: null, settles: false }));
    };
    const cost = async (jobs: readonly ChangedJob[]) => {
      const rolled_back = new Error('rolled back');
      let took_ms = 0;
      const work = connection.transaction(async (tx) => {
        const begun = performance.now();
        expect(await repository.store(tx, jobs, [])).toHaveLength(jobs.length);
        took_ms = performance.now() - begun;
        throw rolled_back;
      });
      await expect(work).rejects.toBe(rolled_back);
      return took_ms;
    };
    const [few, many] = [await batchOf(250), await batchOf(4_000)];
    expect(await leastGrowth(80, cost, few, many)).toBeLessThan(80);
  });
});
