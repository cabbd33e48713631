import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, PostgresProxy } from '@assay/testing';
import type { Tx } from '@assay/postgres';
import { retryable, anEvent, anItem, Ledger, Painter, queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import type { DeadUnit, DoneUnit, EventsByItem, EventSource, WorkItem } from './item.js';

/**
 * A handler as handlers may be: asked a second time for an effect that is stored, it finds nothing left to do and has
 * nothing to tell.
 */
class Once extends Painter {
  override async store(tx: Tx, done: readonly DoneUnit<string, string>[]): Promise<EventsByItem> {
    const rows = await tx.query<{ item_id: string }>(
      `INSERT INTO effects (subject_id, item_id) SELECT * FROM unnest($1::text[], $2::uuid[])
       ON CONFLICT DO NOTHING RETURNING item_id`,
      [done.map(({ result }) => result), done.map(({ unit }) => unit.item.id)],
    );
    const stored = new Set(rows.map(({ item_id }) => item_id));
    return new Map(
      done.flatMap(({ unit }) => (stored.has(unit.item.id) ? [[unit.item.id, [anEvent(unit.item)]]] : [])),
    );
  }

  override async deadLettered(tx: Tx, units: readonly DeadUnit<string>[]): Promise<EventsByItem> {
    this.dead.push(...units);
    const events = await this.store(
      tx,
      units.map(({ unit }) => ({ unit, result: unit.body })),
    );
    return new Map(
      [...events].map(([id, [event]]) => [id, [anEvent({ ...event!, subject_id: event!.subject, generation: 0 }, 99)]]),
    );
  }
}

let stage: QueueStage;
let proxy: PostgresProxy;
let ledger: Ledger;
beforeEach(async () => {
  stage = await queueStage();
  proxy = await PostgresProxy.start(stage.url);
  ledger = new Ledger();
});
afterEach(async () => {
  proxy.lift();
  await stage.close();
  await proxy.close();
});

const emptied = () =>
  eventually(async () => expect(await stage.sql('SELECT queue, state, phase FROM work_items')).toEqual([]));

async function through(handler: Painter, n: number): Promise<WorkItem[]> {
  const queue = await stage.queueVia(proxy, ledger, { lease_ms: 900, sweep_interval_ms: 200 });
  queue.worker(handler, { slots: 50, batch: 20 });
  const items = await stage.database.transaction((tx) =>
    queue.insert(
      tx,
      Array.from({ length: n }, () => anItem()),
    ),
  );
  proxy.cutAfterCommit({ share: 1 / 3 });
  queue.start();
  return items;
}

describe('answers of COMMIT that are lost', () => {
  it('WQ-10.a publishes what is stored of an item whose effect was committed unheard, and never asks its handler again', async () => {
    const items = await through(new Once(), 200);
    await emptied();
    expect(proxy.cuts).toBeGreaterThan(3);
    expect([...new Set(ledger.ids())]).toEqual(items.map((item) => anEvent(item).id).sort());
  });

  it('WQ-10.a publishes the dead letters that were committed unheard', async () => {
    const handler = new Once(() => Promise.reject(new TypeError('a bug')));
    const items = await through(handler, 200);
    await emptied();
    expect(proxy.cuts).toBeGreaterThan(3);
    expect([...new Set(ledger.ids())]).toEqual(items.map((item) => anEvent(item, 99).id).sort());
  });

  it('WQ-10.a asks the handler that rebuilds its events for those of an effect that was committed unheard', async () => {
    class Rebuilding extends Once {
      readonly rebuilt: EventSource = {
        bytesOf: () => Promise.resolve(new Map()),
        eventsOf: (items) => Promise.resolve(new Map(items.map((item) => [item.id, [anEvent(item, 7)]]))),
      };
    }
    const items = await through(new Rebuilding(), 100);
    await emptied();
    const told = new Set(ledger.events.map(({ subject }) => subject));
    expect([...told].sort()).toEqual(items.map(({ subject_id }) => subject_id).sort());
  });

  it('WQ-4.f charges no crash to an item whose claim was answered to nobody', async () => {
    const handler = new Painter();
    const queue = await stage.queueVia(proxy, ledger, { lease_ms: 900, sweep_interval_ms: 200 });
    queue.worker(handler, { slots: 5, batch: 5 });
    await stage.database.transaction((tx) => queue.insert(tx, [anItem({ subject_id: 'unheard' })]));
    // Every claim that finds something, six times: twice what a crash loop takes.
    proxy.cutAfterCommit({ times: 6 });
    queue.start();
    await emptied();
    expect(proxy.cuts).toBe(6);
    expect(handler.dead).toEqual([]);
    expect(ledger.events).toHaveLength(1);
  });

  it('WQ-10.a tells each failed attempt once and loses none, with the answers of one commit in 3 lost', async () => {
    let attempts = 0;
    const handler = new Once((unit) =>
      (attempts += 1) % 2 === 0 ? Promise.reject(retryable()) : Promise.resolve(unit.body),
    );
    handler.max_attempts = 20;
    const items = await through(handler, 60);
    await emptied();
    const ends = items.map((item) => anEvent(item).id);
    expect(ledger.ids()).toEqual(expect.arrayContaining(ends));
    expect(handler.dead).toEqual([]);
  });
});
