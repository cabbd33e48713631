import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { renderMetrics } from '@assay/observability';
import { eventually } from '@assay/testing';
import type { Tx } from '@assay/postgres';
import { encodeEvents } from './event-codec.js';
import type { DoneUnit, EventsByItem, EventSource, NewItem, Worker, WorkItem } from './item.js';
import { anEvent, anItem, Ledger, Painter, queueStage, retryable } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import type { WorkQueue } from './work-queue.js';

let stage: QueueStage;
let ledger: Ledger;
beforeEach(async () => {
  stage = await queueStage();
  ledger = new Ledger();
});
afterEach(() => stage.close());

const insert = (queue: WorkQueue, items: NewItem[], claimed = 0): Promise<WorkItem[]> =>
  stage.database.transaction((tx) => queue.insert(tx, items, { claimed }));
const remaining = async () => (await stage.sql<{ n: number }>('SELECT count(*) AS n FROM work_items'))[0]!.n;
const effects = async () =>
  (await stage.sql<{ subject_id: string }>('SELECT subject_id FROM effects ORDER BY 1')).map((row) => row.subject_id);
const emptied = () => eventually(async () => expect(await remaining()).toBe(0));
const expireAll = () => stage.sql(`UPDATE work_items SET lease_expires_at = clock_timestamp() WHERE state = 'running'`);

/** Permits for exactly `n` items, as soon as the worker's first look at the queue is over. */
const permitsFor = (worker: Worker<string>, n: number): Promise<number> =>
  eventually(() => {
    const granted = worker.reserve(n);
    if (granted.items < n) worker.release(granted);
    expect(granted.items).toBe(n);
    return n;
  });

/** A promise that the test resolves. */
function gate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

describe('work', () => {
  it('WQ-1.h stores each effect, publishes it and deletes the item', async () => {
    const queue = stage.queue(ledger);
    queue.worker(new Painter(), { slots: 50, batch: 20 });
    const items = await insert(
      queue,
      Array.from({ length: 120 }, () => anItem()),
    );
    queue.start();
    await emptied();
    expect(await effects()).toEqual(items.map(({ subject_id }) => subject_id).sort());
    expect(ledger.ids()).toEqual(items.map((item) => anEvent(item).id).sort());
  });

  it('WQ-2.c runs born-claimed items from memory, within its slots', async () => {
    const queue = stage.queue(ledger);
    const painter = new Painter();
    const worker = queue.worker(painter, { slots: 2, batch: 10 });
    queue.start();
    const permits = await permitsFor(worker, 2);
    expect(worker.reserve(1).items).toBe(0);
    const items = await insert(queue, [anItem(), anItem(), anItem()], permits);
    worker.accept(items.slice(0, permits).map((item) => ({ item, body: `from memory ${item.id}` })));
    worker.notify();
    await emptied();
    expect((await effects()).filter((subject) => subject.startsWith('from memory'))).toHaveLength(2);
    await permitsFor(worker, 2);
  });

  it('WQ-2.c grants no permit while a backlog is known', async () => {
    const queue = stage.queue(ledger);
    const held = gate();
    const worker = queue.worker(new Painter((unit) => held.opened.then(() => unit.body)), { slots: 5, batch: 2 });
    queue.start();
    worker.notify();
    expect(worker.reserve(1).items).toBe(0);
    held.open();
    await permitsFor(worker, 1);
  });

  it('WQ-6.a starts queued work at once when it is signalled', async () => {
    const queue = stage.queue(ledger, { poll_first_ms: 300_000, poll_max_ms: 300_000 });
    const worker = queue.worker(new Painter(), { slots: 5, batch: 5 });
    queue.start();
    await insert(queue, [anItem()]);
    worker.notify();
    await emptied();
  });

  it('WQ-6.b wakes for what is due next, though the poll is far off', async () => {
    const queue = stage.queue(ledger, { poll_first_ms: 300_000, poll_max_ms: 300_000 });
    const worker = queue.worker(new Painter(), { slots: 5, batch: 5 });
    queue.start();
    // Later than a worker looks again by itself after it has found nothing.
    await insert(queue, [anItem({ due_in_ms: 3_000 })]);
    worker.notify();
    await emptied();
  });

  it('DLQ-2.a, WQ-1.h spends its attempts, tells of each delay, then dead-letters', async () => {
    const queue = stage.queue(ledger);
    const painter = new Painter(() => Promise.reject(retryable()));
    queue.worker(painter, { slots: 5, batch: 5 });
    const [item] = await insert(queue, [anItem()]);
    queue.start();
    await emptied();
    expect(painter.delays.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(painter.dead).toMatchObject([{ attempts: 3, failure: { code: 'busy' } }]);
    expect(painter.dead[0]!.first_failure_at < painter.dead[0]!.last_failure_at).toBe(true);
    expect(ledger.ids()).toEqual([1, 2, 99].map((attempt) => anEvent(item!, attempt).id).sort());
    expect(await effects()).toEqual([]);
  });

  it('WQ-1.d frees the slot and forgets failed attempts when the effect is stored', async () => {
    const queue = stage.queue(ledger);
    let attempts = 0;
    const painter = new Painter((unit) => {
      attempts += 1;
      return attempts === 1 ? Promise.reject(retryable()) : Promise.resolve(unit.body);
    });
    const worker = queue.worker(painter, { slots: 1, batch: 1 });
    const [item] = await insert(queue, [anItem()]);
    ledger.away = true;
    queue.start();
    await eventually(async () => expect(await effects()).toEqual([item!.subject_id]));
    const rows = await stage.sql('SELECT phase, attempts, crashes, payload FROM work_items WHERE id = $1', [item!.id]);
    expect(rows).toMatchObject([{ phase: 'publish', attempts: 0, crashes: 0 }]);
    await permitsFor(worker, 1);
    worker.release({ items: 1, bytes: 0 });
    ledger.away = false;
    await emptied();
  });

  it('DLQ-2.b gives each generation of a subject its own attempts', async () => {
    const queue = stage.queue(ledger);
    const painter = new Painter(() => Promise.reject(retryable()));
    queue.worker(painter, { slots: 5, batch: 5 });
    const subject_id = 'twice';
    await insert(queue, [anItem({ subject_id, generation: 0 }), anItem({ subject_id, generation: 1 })]);
    queue.start();
    await emptied();
    const spent = painter.dead.map(({ unit, attempts }) => [unit.item.generation, attempts]);
    expect(spent.sort()).toEqual([
      [0, 3],
      [1, 3],
    ]);
  });

  it('DLQ-1.c dead-letters a bug at once', async () => {
    const queue = stage.queue(ledger);
    const painter = new Painter(() => Promise.reject(new TypeError('x is not a function')));
    queue.worker(painter, { slots: 5, batch: 5 });
    await insert(queue, [anItem()]);
    queue.start();
    await emptied();
    expect(painter.dead).toMatchObject([{ attempts: 1, failure: { error_class: 'PROGRAMMING_ERROR' } }]);
  });

  it('GEN-7.f does not let one result that the tables refuse take its neighbours along', async () => {
    const queue = stage.queue(ledger);
    const painter = new Painter((unit) => Promise.resolve(unit.body === 'poison' ? 'nul \0 byte' : unit.body));
    queue.worker(painter, { slots: 10, batch: 10 });
    await insert(queue, [anItem({ subject_id: 'a' }), anItem({ subject_id: 'poison' }), anItem({ subject_id: 'b' })]);
    queue.start();
    await emptied();
    expect(await effects()).toEqual(['a', 'b']);
    expect(painter.dead.map(({ unit }) => unit.item.subject_id)).toEqual(['poison']);
  });
});

describe('bytes of payloads', () => {
  const KIB = 1024;
  const body = (kib: number) => Buffer.alloc(kib * KIB, 'x');

  /** Work that notes how many bytes of payloads are held at once, by whatever way they came. */
  function watched() {
    const held = { now: 0, most: 0, sizes: new Set<number>() };
    const painter = new Painter(async (unit) => {
      const bytes = unit.item.payload!.length;
      held.now += bytes;
      held.most = Math.max(held.most, held.now);
      held.sizes.add(bytes);
      await nextTurn();
      held.now -= bytes;
      return unit.body;
    });
    return { held, painter };
  }

  it('WQ-11.b holds no more bytes of payloads at once than it may, however many slots are free', async () => {
    const queue = stage.queue(ledger, { work_max_bytes: 64 * KIB });
    const { held, painter } = watched();
    queue.worker(painter, { slots: 100, batch: 50 });
    await insert(
      queue,
      Array.from({ length: 60 }, () => anItem({ payload: body(10) })),
    );
    queue.start();
    await emptied();
    expect(await effects()).toHaveLength(60);
    expect(held.most).toBe(60 * KIB);
  });

  it('WQ-11.b works a payload that is larger than that alone, and what comes behind it after it', async () => {
    const queue = stage.queue(ledger, { work_max_bytes: 64 * KIB });
    const { held, painter } = watched();
    queue.worker(painter, { slots: 100, batch: 50 });
    const sizes = [10, 200, 10, 60, 10, 300];
    await insert(
      queue,
      sizes.map((kib) => anItem({ payload: body(kib) })),
    );
    queue.start();
    await emptied();
    expect([...held.sizes].sort((a, b) => a - b)).toEqual([10, 60, 200, 300].map((kib) => kib * KIB));
    expect(held.most).toBe(300 * KIB);
  });

  it('WQ-11.b counts what is born claimed, and permits no more than there is room for', async () => {
    const queue = stage.queue(ledger, { work_max_bytes: 64 * KIB });
    const held = gate();
    const worker = queue.worker(new Painter((unit) => held.opened.then(() => unit.body)), { slots: 10, batch: 10 });
    queue.start();
    await permitsFor(worker, 1);
    worker.release({ items: 1, bytes: 0 });
    const permits = worker.reserve(2, 100 * KIB);
    expect(permits).toEqual({ items: 2, bytes: 64 * KIB });
    const items = await insert(queue, [anItem({ payload: body(40) }), anItem({ payload: body(60) })], 1);
    worker.accept([{ item: items[0]!, body: items[0]!.subject_id }]);
    worker.release({ items: 1, bytes: 24 * KIB });
    expect(worker.reserve(1, 30 * KIB)).toEqual({ items: 1, bytes: 24 * KIB });
    worker.release({ items: 1, bytes: 24 * KIB });
    worker.notify();
    held.open();
    await emptied();
    await eventually(() => {
      const all = worker.reserve(1, 100 * KIB);
      worker.release(all);
      expect(all.bytes).toBe(64 * KIB);
    });
  });
});

describe('lost leases', () => {
  it('GEN-3.b, OBS-2.g stores nothing for an item that another took over, and aborts its work', async () => {
    const queue = stage.queue(ledger, { lease_ms: 300 });
    const held = gate();
    const painter = new Painter(async (unit) => {
      await held.opened;
      return `late ${unit.body}`;
    });
    const worker = queue.worker(painter, { slots: 5, batch: 5 });
    queue.start();
    const [item] = await insert(queue, [anItem()], await permitsFor(worker, 1));
    worker.accept([{ item: item!, body: item!.subject_id }]);
    await stage.sql(`UPDATE work_items SET claimed_by = 'successor', lease_token = $1`, [randomUUID()]);
    await eventually(() => expect(item!.lease.signal.aborted).toBe(true));
    held.open();
    await queue.stop();
    expect(await effects()).toEqual([]);
    expect(ledger.events).toEqual([]);
    expect(item!.lease.remainingMs()).toBe(0);
    expect(await renderMetrics()).toMatch(/^assay_work_lease_losses_total\{queue="paint"\} [1-9]/m);
  });

  it('WQ-2.b renews what takes longer than its lease', async () => {
    const queue = stage.queue(ledger, { lease_ms: 300, sweep_interval_ms: 50 });
    const held = gate();
    const worker = queue.worker(new Painter((unit) => held.opened.then(() => unit.body)), { slots: 5, batch: 5 });
    queue.start();
    const [item] = await insert(queue, [anItem()], await permitsFor(worker, 1));
    const [{ lease_expires_at: first }] = (await stage.sql('SELECT lease_expires_at FROM work_items')) as [
      { lease_expires_at: string },
    ];
    worker.accept([{ item: item!, body: item!.subject_id }]);
    await eventually(async () => {
      const [row] = await stage.sql<{ beyond: boolean }>(
        `SELECT lease_expires_at > $1::timestamptz + interval '300 ms' AS beyond FROM work_items`,
        [first],
      );
      expect(row!.beyond).toBe(true);
    });
    held.open();
    await emptied();
    expect(await effects()).toEqual([item!.subject_id]);
  });
});

describe('crashes', () => {
  /** The item's worker "crashes": it is claimed, never heard of again, and its lease ends. */
  async function crash(times: number): Promise<void> {
    for (let n = 0; n < times; n += 1) {
      if (n > 0) await stage.items.claimSuspect(stage.database, 'paint');
      await expireAll();
      await stage.items.sweep(stage.database, 100);
    }
  }

  it('WQ-4.d ends an item after three crashes, and its neighbours go on', async () => {
    const queue = stage.queue(ledger);
    const painter = new Painter();
    queue.worker(painter, { slots: 10, batch: 10 });
    await insert(queue, [anItem({ subject_id: 'poison' })], 1);
    await crash(3);
    await insert(queue, [anItem({ subject_id: 'neighbour' })]);
    queue.start();
    await emptied();
    expect(painter.dead).toMatchObject([{ failure: { error_class: 'WORKER_CRASH_LOOP' } }]);
    expect(painter.performed.flat()).toEqual(['neighbour']);
    expect(await effects()).toEqual(['neighbour']);
  });

  it('WQ-4.c performs an item that expired in a crash in a batch of its own', async () => {
    const queue = stage.queue(ledger);
    const painter = new Painter();
    queue.worker(painter, { slots: 10, batch: 10 });
    await insert(queue, [anItem({ subject_id: 'suspect' })], 1);
    await crash(1);
    await insert(queue, [anItem({ subject_id: 'a' }), anItem({ subject_id: 'b' })]);
    queue.start();
    await emptied();
    expect(painter.performed).toContainEqual(['suspect']);
    expect(await effects()).toEqual(['a', 'b', 'suspect']);
  });

  it('WQ-4.c works an item alone in its process after its second crash', async () => {
    const queue = stage.queue(ledger);
    const atWork = new Set<string>();
    const seen: string[][] = [];
    const held = gate();
    const painter = new Painter(async (unit) => {
      atWork.add(unit.body);
      seen.push([...atWork].sort());
      if (unit.body === 'long') await held.opened;
      atWork.delete(unit.body);
      return unit.body;
    });
    const worker = queue.worker(painter, { slots: 10, batch: 10 });
    queue.start();
    const permits = await permitsFor(worker, 1);
    const [long] = await insert(queue, [anItem({ subject_id: 'long' })], permits);
    worker.accept([{ item: long!, body: 'long' }]);
    await insert(queue, [anItem({ subject_id: 'suspect', due_in_ms: 3_600_000 })]);
    await stage.sql(`UPDATE work_items SET crashes = 2, due_at = clock_timestamp() WHERE subject_id = 'suspect'`);
    await eventually(async () => {
      expect(await stage.sql(`SELECT state FROM work_items WHERE subject_id = 'suspect'`)).toEqual([
        { state: 'running' },
      ]);
    });
    expect(worker.reserve(1).items).toBe(0);
    expect(seen).toEqual([['long']]);
    held.open();
    await emptied();
    expect(seen).toEqual([['long'], ['suspect']]);
  });

  it('WQ-4.a takes back expired items from the claim path, without any sweeper', async () => {
    const queue = stage.queue(ledger, { sweep_interval_ms: 3_600_000 });
    queue.worker(new Painter(), { slots: 10, batch: 10 });
    await insert(queue, [anItem({ subject_id: 'orphan' })], 1);
    await expireAll();
    queue.start();
    await emptied();
    expect(await effects()).toEqual(['orphan']);
  });
});

describe('publishing', () => {
  it('WQ-1.e keeps work flowing while Kafka is away, without spending attempts, and publishes all of it later', async () => {
    const queue = stage.queue(ledger);
    const painter = new Painter();
    ledger.away = true;
    queue.worker(painter, { slots: 50, batch: 20 });
    const items = await insert(
      queue,
      Array.from({ length: 60 }, () => anItem()),
    );
    queue.start();
    await eventually(async () => expect(await effects()).toHaveLength(60));
    const rows = await stage.sql('SELECT DISTINCT phase, attempts, crashes FROM work_items');
    expect(rows).toEqual([{ phase: 'publish', attempts: 0, crashes: 0 }]);
    ledger.away = false;
    await emptied();
    expect(ledger.ids()).toEqual(items.map((item) => anEvent(item).id).sort());
    expect(painter.dead).toEqual([]);
  });

  it('WQ-1.f leaves in the table what comes once the bytes of its memory are taken', async () => {
    const queue = stage.queue(ledger, { publish_max_bytes: 100 });
    queue.start();
    const held = gate();
    const publish = ledger.publish.bind(ledger);
    ledger.publish = (events) => held.opened.then(() => publish(events));
    const tell = async () => {
      const item = anItem({ phase: 'publish' });
      const events = [anEvent(item)];
      const told = { item: { ...item, payload: encodeEvents(events) }, events };
      (await stage.database.transaction((tx) => queue.tell(tx, [told])))();
      return item.subject_id;
    };
    const states = () => stage.sql('SELECT subject_id, state FROM work_items ORDER BY id');
    const first = await tell();
    const second = await tell();
    expect(await states()).toEqual([
      { subject_id: first, state: 'running' },
      { subject_id: second, state: 'queued' },
    ]);
    held.open();
    await emptied();
    expect(ledger.events.map(({ subject }) => subject)).toEqual([first, second]);
  });

  it('WQ-1.f leaves in the table what its own effects have to tell beyond those bytes', async () => {
    const queue = stage.queue(ledger, { publish_max_bytes: 2_000 });
    const held = gate();
    const publish = ledger.publish.bind(ledger);
    ledger.publish = (events) => held.opened.then(() => publish(events));
    queue.worker(new Painter(), { slots: 50, batch: 50 });
    const items = await insert(
      queue,
      Array.from({ length: 30 }, () => anItem()),
    );
    const size = anEvent(items[0]!).data.length;
    queue.start();
    await eventually(async () => {
      const rows = await stage.sql('SELECT state, count(*)::int AS n FROM work_items GROUP BY 1 ORDER BY 1');
      const kept = Math.floor(2_000 / size);
      expect(rows).toEqual([
        { state: 'queued', n: 30 - kept },
        { state: 'running', n: kept },
      ]);
    });
    held.open();
    await emptied();
    expect(ledger.ids()).toEqual(items.map((item) => anEvent(item).id).sort());
  });

  it('WQ-11.c builds left-over events from no more bytes at once than are set aside, and larger ones alone', async () => {
    const MIB = 1024 * 1024;
    const sizes = new Map([1, 3, 4, 1, 20, 2].map((mib, n) => [`s${n}`, mib * MIB]));
    const read: string[][] = [];
    const queue = stage.queue(ledger);
    queue.eventsOf('paint', {
      bytesOf: (items) => Promise.resolve(new Map(items.map(({ id, subject_id }) => [id, sizes.get(subject_id)!]))),
      eventsOf: (items) => {
        read.push(items.map(({ subject_id }) => subject_id));
        return Promise.resolve(new Map(items.map((item) => [item.id, [anEvent(item)]])));
      },
    });
    await insert(
      queue,
      [...sizes.keys()].map((subject_id) => anItem({ subject_id, phase: 'publish' })),
    );
    queue.start();
    await emptied();
    expect(read).toEqual([['s0', 's1', 's2'], ['s3'], ['s4'], ['s5']]);
    expect(ledger.events).toHaveLength(6);
  });

  it('WQ-1.g turns a record refused for ever into a dead letter PUBLISH_REJECTED', async () => {
    const queue = stage.queue(ledger);
    ledger.refuses = ({ type }) => type === 'stage.delayed';
    queue.worker(new Painter(), { slots: 5, batch: 5 });
    const [item] = await insert(queue, [anItem()]);
    queue.start();
    await emptied();
    expect(ledger.events).toMatchObject([{ type: 'stage.dead_lettered', subject: item!.subject_id }]);
    expect(JSON.parse(ledger.events[0]!.data.toString())).toMatchObject({
      error_class: 'PUBLISH_REJECTED',
      code: 'schema',
      sanitized_context: { event_type: 'stage.delayed' },
    });
  });

  it('GEN-2.b publishes the stored events of an item whose owner crashed before the acknowledgement', async () => {
    const crashed = stage.queue(new Ledger());
    const item = anItem({ phase: 'publish' });
    const event = anEvent(item);
    await insert(crashed, [{ ...item, payload: encodeEvents([event]) }], 1);
    await expireAll();
    const queue = stage.queue(ledger);
    queue.start();
    await queue.sweepOnce();
    await emptied();
    expect(ledger.events).toEqual([{ ...event, value: undefined }]);
  });

  it('GEN-2.b asks the handler for the events of a result that stands in its own tables', async () => {
    class Rebuilding extends Painter {
      readonly rebuilt: EventSource = {
        bytesOf: () => Promise.resolve(new Map()),
        eventsOf: (items) => Promise.resolve(new Map(items.map((item) => [item.id, [anEvent(item, 7)]]))),
      };
      override async store(tx: Tx, done: readonly DoneUnit<string, string>[]): Promise<EventsByItem> {
        const events = await super.store(tx, done);
        ledger.away = true;
        return events;
      }
    }
    const queue = stage.queue(ledger);
    const rebuilding = new Rebuilding();
    queue.worker(rebuilding, { slots: 5, batch: 5 });
    const [item] = await insert(queue, [anItem({ payload: Buffer.from('the body to work on') })]);
    queue.start();
    await eventually(async () => {
      expect(await stage.sql(`SELECT payload FROM work_items WHERE phase = 'publish'`)).toEqual([{ payload: null }]);
    });
    ledger.away = false;
    await emptied();
    expect(ledger.ids()).toEqual([anEvent(item!, 7).id]);
    expect(rebuilding.performed).toHaveLength(1);
  });
});

describe('stopping', () => {
  it('OPS-1.b finishes and publishes what is at work, and claims nothing more', async () => {
    const queue = stage.queue(ledger);
    const held = gate();
    const worker = queue.worker(new Painter((unit) => held.opened.then(() => unit.body)), { slots: 1, batch: 1 });
    queue.start();
    const [first] = await insert(queue, [anItem({ subject_id: 'first' })], await permitsFor(worker, 1));
    worker.accept([{ item: first!, body: 'first' }]);
    await insert(queue, [anItem({ subject_id: 'second' })]);
    const stopping = queue.stop();
    held.open();
    await stopping;
    expect(await effects()).toEqual(['first']);
    expect(ledger.ids()).toEqual([anEvent(first!).id]);
    expect(await stage.sql('SELECT subject_id, state FROM work_items')).toEqual([
      { subject_id: 'second', state: 'queued' },
    ]);
  });
});
