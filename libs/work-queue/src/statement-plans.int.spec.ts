import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Statement } from '@assay/postgres';
import { explain, indexesOf, leastGrowth, wholeScans } from '@assay/testing';
import { v7 } from 'uuid';
import { anItem, queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import { ItemRepository } from './item.repository.js';
import { ADVANCE } from './sql/advance.js';
import { CLAIM_DUE } from './sql/claim-due.js';
import { CLAIM_LANES } from './sql/claim-lanes.js';
import { CLAIM_SUSPECT } from './sql/claim-suspect.js';
import { CLAIM_UNPUBLISHED } from './sql/claim-unpublished.js';
import { FORGIVE } from './sql/forgive.js';
import { DUE_LANES, LOCK_MARKS, MARK_LANES, MARK_UNMARKED, OVERDUE_LANES, RENEW_MARKS } from './sql/lanes.js';
import { LOCK_OWNED } from './sql/lock-owned.js';
import { MAKE_DUE } from './sql/make-due.js';
import { NEXT_DUE_PUBLISH, NEXT_DUE_WORK } from './sql/next-due.js';
import { PUT_BACK } from './sql/put-back.js';
import { REMOVE, REMOVE_ACKNOWLEDGED, REMOVE_LOCKED } from './sql/remove.js';
import { RENEW } from './sql/renew.js';
import { SWEEP } from './sql/sweep.js';

const ROWS = 100_000;
const BATCH = 1_000;
const OWNER = new ItemRepository('alpha', 3_600_000, 30);
let stage: QueueStage;
let held: { id: string; token: string }[];

/**
 * The statistics are those of an idle queue, with one row and the dead ones of an earlier load: plans that are kept from
 * then on meet 100,000 rows later.
 */
beforeAll(async () => {
  stage = await queueStage();
  await stage.sql('ALTER TABLE work_items SET (autovacuum_enabled = false)');
  const insert = (n: number) =>
    stage.database.transaction((tx) =>
      OWNER.insert(
        tx,
        Array.from({ length: n }, () => anItem()),
        n,
      ),
    );
  await insert(200);
  await stage.sql('DELETE FROM work_items');
  await insert(1);
  await stage.sql('ANALYZE work_items');
}, 60_000);
afterAll(() => stage.close());

describe('plans that are made while the queue is idle', () => {
  it.each<[string, Statement, string[]]>([
    ...[ADVANCE, LOCK_OWNED, REMOVE, REMOVE_LOCKED, REMOVE_ACKNOWLEDGED, RENEW, FORGIVE].map(
      (guarded): [string, Statement, string[]] => [guarded.name, guarded, ['items_pkey']],
    ),
    [PUT_BACK.name, PUT_BACK, ['items_pkey', 'lanes_of']],
    [CLAIM_DUE.name, CLAIM_DUE, ['items_due', 'items_pkey']],
    [CLAIM_LANES.name, CLAIM_LANES, ['items_in_lane', 'items_overdue', 'items_pkey']],
    [CLAIM_SUSPECT.name, CLAIM_SUSPECT, ['items_pkey', 'items_suspect']],
    [CLAIM_UNPUBLISHED.name, CLAIM_UNPUBLISHED, ['items_pkey', 'items_unpublished']],
    [MAKE_DUE.name, MAKE_DUE, ['items_due', 'items_in_lane', 'items_pkey', 'items_suspect', 'lanes_of']],
    [SWEEP.name, SWEEP, ['items_leased', 'items_pkey', 'lanes_of']],
    [NEXT_DUE_WORK.name, NEXT_DUE_WORK, ['items_due', 'items_suspect']],
    [NEXT_DUE_PUBLISH.name, NEXT_DUE_PUBLISH, ['items_unpublished_of']],
    [MARK_LANES.name, MARK_LANES, ['lanes_of']],
    [DUE_LANES.name, DUE_LANES, ['lanes_due']],
    [OVERDUE_LANES.name, OVERDUE_LANES, ['items_overdue']],
    [LOCK_MARKS.name, LOCK_MARKS, ['lanes_of']],
    [RENEW_MARKS.name, RENEW_MARKS, ['items_in_lane', 'items_suspect', 'lanes_pkey']],
  ])('%s reaches its items by an index and joins no two lists of them', async (_name, statement, uses) => {
    const plan = await explain(stage.database, statement);
    expect(indexesOf(plan)).toEqual(uses.map((index) => `work_${index}`));
    expect(wholeScans(plan)).toEqual([]);
    expect(plan.filter(({ join_filter }) => join_filter !== null)).toEqual([]);
  });
});

describe('the net below the lanes', () => {
  it('steps through what is queued, and reads whole what waits after a crash alone', async () => {
    const plan = await explain(stage.database, MARK_UNMARKED);
    expect(indexesOf(plan)).toEqual(['work_items_in_lane', 'work_items_suspect', 'work_lanes_of']);
    expect(wholeScans(plan).map(({ index }) => index)).toEqual(['work_items_suspect']);
    expect(plan.filter(({ join_filter }) => join_filter !== null)).toEqual([]);
  });
});

describe('at 100,000 items', () => {
  beforeAll(async () => {
    const ids = Array.from({ length: ROWS }, () => v7());
    const tokens = Array.from({ length: ROWS }, () => randomUUID());
    await stage.sql(
      `INSERT INTO work_items (id, queue, subject_id, generation, state, phase, priority, due_at, claimed_by, lease_token,
         lease_expires_at, correlation_id)
       SELECT id, 'paint', id::text, 0, 'running', 'work', 5, clock_timestamp(), 'alpha', token,
         clock_timestamp() + interval '1 h', 'c' FROM unnest($1::uuid[], $2::uuid[]) AS u(id, token)`,
      [ids, tokens],
    );
    held = ids.map((id, n) => ({ id, token: tokens[n]! }));
  }, 60_000);

  async function msOf(statement: Statement, params: readonly unknown[]): Promise<number> {
    const begun = performance.now();
    await stage.database.query(statement, params);
    return performance.now() - begun;
  }

  it('a guard costs its ids and not their square: 16 times as many, far less than 256 times as much', async () => {
    const guard = (n: number) => [
      held.slice(-n).map(({ id }) => id),
      held.slice(-n).map(({ token }) => token),
      'alpha',
    ];
    const cost = (n: number) => msOf(LOCK_OWNED, guard(n));
    expect(await leastGrowth(50, cost, BATCH, BATCH * 16)).toBeLessThan(50);
  });
});
