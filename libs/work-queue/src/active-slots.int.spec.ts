import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@assay/testing';
import { ActiveSlots } from './active-slots.js';
import type { WorkItem } from './item.js';
import { ItemRepository } from './item.repository.js';
import { anItem, Ledger, Painter, queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';

const W = 3;
const ALPHA = new ItemRepository('alpha', 60_000, 30);
const BETA = new ItemRepository('beta', 60_000, 30);

let stage: QueueStage;
beforeAll(async () => (stage = await queueStage()));
afterAll(() => stage.close());
beforeEach(() => stage.sql('TRUNCATE work_items, work_slots'));

const insert = (n: number) =>
  stage.database.transaction((tx) =>
    ALPHA.insert(
      tx,
      Array.from({ length: n }, () => anItem()),
      0,
    ),
  );
const claimAs = (items: ItemRepository, limit: number, max_active = W): Promise<WorkItem[]> =>
  new ActiveSlots(stage.database, items, 'paint', max_active).claim(limit, (tx, n) => items.claimDue(tx, 'paint', n));
/** Of each held slot, whether it is held until exactly the moment at which its item's lease ends. */
const held = async () =>
  (
    await stage.sql<{ in_step: boolean }>(
      `SELECT coalesce(s.expires_at = w.lease_expires_at AND s.lease_token = w.lease_token, false) AS in_step
       FROM work_slots AS s LEFT JOIN work_items AS w USING (queue, slot) WHERE s.lease_token IS NOT NULL`,
    )
  ).map(({ in_step }) => in_step);
const expire = () =>
  stage
    .sql(`UPDATE work_slots SET expires_at = clock_timestamp() - interval '1 s' WHERE lease_token IS NOT NULL`)
    .then(() =>
      // Past the trigger, which would bring the slots along.
      stage.sql(
        `ALTER TABLE work_items DISABLE TRIGGER keep_slot;
         UPDATE work_items SET lease_expires_at = clock_timestamp() - interval '1 s' WHERE state = 'running';
         ALTER TABLE work_items ENABLE TRIGGER keep_slot`,
      ),
    );

describe('max_active', () => {
  it('WQ-5.b gives claims that come together no more items than there are slots, and all of those', async () => {
    await insert(20);
    await claimAs(ALPHA, 0);
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, n) => claimAs(new ItemRepository(`w${n}`, 60_000, 30), 2)),
    );
    expect(claims.flat()).toHaveLength(W);
    expect(await held()).toEqual([true, true, true]);
    expect(await claimAs(BETA, 1)).toEqual([]);
  });

  it.each<[string, (item: WorkItem) => Promise<unknown>]>([
    ['its effect is stored', (item) => ALPHA.advanceOwned(stage.database, { item, payload: null })],
    ['it ends with nothing to tell', (item) => ALPHA.remove(stage.database, [item])],
    ['it is put back', (item) => ALPHA.putBack(stage.database, [{ item, due_in_ms: 60_000, attempt_failed: true }])],
    ['its claim was answered to nobody', (item) => ALPHA.releaseUnheard(stage.database, [item.lease.token])],
  ])('WQ-5.b frees the slot of an item when %s', async (_, end) => {
    await insert(W + 1);
    const [first] = await claimAs(ALPHA, 1);
    await claimAs(BETA, W);
    expect(await claimAs(BETA, 1)).toEqual([]);
    await end(first!);
    expect(await claimAs(BETA, W)).toHaveLength(1);
  });

  it('WQ-5.b renews slots with the leases of their items, to the same moment', async () => {
    await insert(W);
    const items = await claimAs(ALPHA, W);
    const before = await stage.sql(`SELECT max(expires_at) AS at FROM work_slots`);
    expect((await ALPHA.renew(stage.database, items)).size).toBe(W);
    expect(await held()).toEqual([true, true, true]);
    expect(await stage.sql(`SELECT max(expires_at) AS at FROM work_slots`)).not.toEqual(before);
  });

  it('WQ-5.b gives the slots of ended leases to others, before anybody sweeps', async () => {
    await insert(W * 2);
    await claimAs(ALPHA, W);
    await expire();
    expect(await claimAs(BETA, W * 2)).toHaveLength(W);
  });

  it('WQ-5.b, WQ-3.a does not renew the lease of an item whose slot is taken by now: its owner has lost it', async () => {
    await insert(W + 1);
    const items = await claimAs(ALPHA, W);
    await expire();
    await claimAs(BETA, 1);
    const renewed = await ALPHA.renew(stage.database, items);
    expect(renewed.size).toBe(W - 1);
    expect(await claimAs(BETA, 1)).toEqual([]);
  });

  it('WQ-5.b lets a late owner end its item without touching the slot that another holds by now', async () => {
    await insert(W + 1);
    const items = await claimAs(ALPHA, W);
    await expire();
    await claimAs(BETA, 1);
    for (const item of items) await ALPHA.advanceOwned(stage.database, { item, payload: null });
    expect(await held()).toEqual([true]);
  });

  it('keeps to a smaller number once that is set', async () => {
    await insert(5);
    await claimAs(ALPHA, 0, 5);
    expect(await claimAs(BETA, 5, 2)).toHaveLength(2);
  });
});

describe('a worker with max_active', () => {
  it('WQ-5.b shares the slots with those of other processes, takes none born claimed, and is woken by what ends', async () => {
    let [active, most] = [0, 0];
    const painter = () =>
      new Painter(async (unit) => {
        most = Math.max(most, (active += 1));
        await new Promise(setImmediate);
        active -= 1;
        return unit.body;
      });
    const queues = [1, 2].map(() => stage.queue(new Ledger(), { poll_first_ms: 20, poll_max_ms: 100 }));
    const workers = queues.map((queue) => queue.worker(painter(), { slots: 20, batch: 10, max_active: 2 }));
    for (const queue of queues) queue.start();
    expect(workers.map((worker) => worker.reserve(1).items)).toEqual([0, 0]);
    const items = await insert(40);
    for (const worker of workers) worker.notify();
    await eventually(async () => {
      const [row] = await stage.sql<{ n: number }>('SELECT count(*)::int AS n FROM effects');
      expect(row!.n).toBe(items.length);
    });
    expect(most).toBeLessThanOrEqual(2);
  });
});
