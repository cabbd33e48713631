import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Statement } from '@assay/postgres';
import { blocksTouched, explain } from '@assay/testing';
import pg from 'pg';
import { ClaimFloors } from './claim-floors.js';
import { ItemRepository } from './item.repository.js';
import { queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import { CLAIM_DUE } from './sql/claim-due.js';
import { NEXT_DUE_WORK } from './sql/next-due.js';

const FEW = 1_000;
const CLAIMED = 100;
const OWNER = new ItemRepository('alpha', 3_600_000, 30);
const FROM_THE_START = new ClaimFloors().next();
let stage: QueueStage;
let few_blocks: number;

beforeAll(async () => {
  stage = await queueStage();
  await stage.sql('ALTER TABLE work_items SET (autovacuum_enabled = false)');
  await fill(FEW);
  few_blocks = await claimBlocks();
}, 60_000);
afterEach(() => stage.sql('TRUNCATE work_items'));
afterAll(() => stage.close());

/** Due one after the other, long ago. */
async function fill(rows: number): Promise<void> {
  for (let from = 1; from <= rows; from += 100_000) {
    await stage.sql(
      `INSERT INTO work_items (id, queue, subject_id, generation, state, phase, priority, due_at, correlation_id)
       SELECT uuidv7(), 'paint', n::text, 0, 'queued', 'work', 5,
         timestamptz '2025-01-01' + n * interval '1 ms', 'c'
       FROM generate_series(${from}, ${Math.min(rows, from + 99_999)}) AS n`,
    );
  }
}

/** By what is read and not by time, which says as much of the machine. */
const blocksOf = async (statement: Statement, params: readonly unknown[]) =>
  blocksTouched(await explain(stage.database, statement, params));
const claimBlocks = (floors = FROM_THE_START) =>
  blocksOf(CLAIM_DUE, ['paint', CLAIMED, 30, 'alpha', randomUUID(), 3_600_000, floors, 32 * 1024 * 1024, false]);

/** As a worker does that has a backlog: what it claims it ends and deletes. */
async function work(items: number, batch: number, floors: ClaimFloors): Promise<void> {
  for (let done = 0; done < items; done += batch) {
    const claimed = await OWNER.claimDue(stage.database, 'paint', batch, { floors });
    expect(claimed).toHaveLength(batch);
    await OWNER.remove(stage.database, claimed);
  }
}

/** Where its claims begin that do not begin at the start. */
function floored(floors: ClaimFloors): readonly number[] {
  floors.next();
  return floors.next();
}

describe('what a claim costs', () => {
  it('WQ-7.a is within 1.5 times of its cost with a thousand rows when there are a million', async () => {
    await fill(1_000_000);
    expect((await claimBlocks()) / few_blocks).toBeLessThan(1.5);
  }, 180_000);

  describe('while an old transaction pins the horizon', () => {
    const WORKED = 30_000;
    const floors = new ClaimFloors();
    let old: pg.Client;
    beforeAll(async () => {
      old = new pg.Client({ connectionString: stage.url });
      await old.connect();
      await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await old.query('SELECT FROM pg_class LIMIT 1');
      await fill(WORKED + FEW);
      await work(WORKED, 500, floors);
      await stage.sql('VACUUM work_items');
    }, 180_000);
    afterAll(() => old.end());

    it('WQ-7.b is within 1.5 times of that, for a worker that has ended 30,000 items meanwhile', async () => {
      expect((await claimBlocks(floored(floors))) / few_blocks).toBeLessThan(1.5);
      // Without a floor it is not: 2.1 times the blocks and, by the clock, 13 ms instead of 2.
      expect((await claimBlocks()) / few_blocks).toBeGreaterThan(1.5);
    });
  });

  describe('looking for the next due time, while an old transaction pins the horizon', () => {
    it('WQ-7.b reads no more of what was worked off either', async () => {
      const old = new pg.Client({ connectionString: stage.url });
      await old.connect();
      try {
        await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        await old.query('SELECT FROM pg_class LIMIT 1');
        const floors = new ClaimFloors();
        await fill(5_000);
        await work(5_000, 500, floors);
        const from = floored(floors);
        const whole_blocks = await blocksOf(NEXT_DUE_WORK, ['paint', FROM_THE_START]);
        expect(await blocksOf(NEXT_DUE_WORK, ['paint', from])).toBeLessThan(whole_blocks / 5);
      } finally {
        await old.end();
      }
    }, 60_000);
  });
});

describe('what lies below the floor', () => {
  it('WQ-7.c is found by the next claim that begins at the start', async () => {
    let now_ms = 0;
    const floors = new ClaimFloors(() => now_ms);
    await fill(20);
    await work(20, 20, floors);
    // Its transaction was open for so long that the worker had gone past it.
    await fill(1);
    now_ms += 500;
    expect(await OWNER.claimDue(stage.database, 'paint', 5, { floors })).toEqual([]);
    expect(floors.wholeInMs).toBe(500);
    now_ms += 500;
    expect(await OWNER.claimDue(stage.database, 'paint', 5, { floors })).toHaveLength(1);
  });
});
