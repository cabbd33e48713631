import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Tx } from '@assay/postgres';
import { eventually, explain, rowsRead } from '@assay/testing';
import { anItem, Ledger, Painter, queueStage, retryable, Rooms } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import type { NewItem, WorkItem } from './item.js';
import { ItemRepository } from './item.repository.js';
import type { AskedLane } from './item.repository.js';
import { LaneRepository } from './lane.repository.js';
import { CLAIM_LANES } from './sql/claim-lanes.js';
import { DUE_LANES, LOCK_MARKS, RENEW_MARKS } from './sql/lanes.js';

const OWNER = new ItemRepository('alpha', 30_000, 30);
const LANES = new LaneRepository();
let stage: QueueStage;
beforeAll(async () => (stage = await queueStage()));
afterAll(() => stage.close());
beforeEach(() => stage.sql('TRUNCATE work_items, work_lanes, effects'));

const inLane = (lane: string, differs: Partial<NewItem> = {}): NewItem => anItem({ lane, source: 'acme', ...differs });
const times = (n: number, make: (n: number) => NewItem): NewItem[] => Array.from({ length: n }, (_, i) => make(i));
const insert = (items: readonly NewItem[], claimed = 0): Promise<WorkItem[]> =>
  stage.database.transaction((tx) => OWNER.insert(tx, items, claimed));
const ask = (lane: string, room: number, over: Partial<AskedLane> = {}): AskedLane => ({
  ...{ lane, room, after: '', overdue: false },
  ...over,
});
const claim = (...asked: AskedLane[]): Promise<WorkItem[]> => OWNER.claimLanes(stage.database, 'paint', asked);
const due = async (): Promise<string[]> => [...new Set((await LANES.due(stage.database, 'paint')).lanes)].sort();

/** Rows behind a lane, put there at once, with its mark. */
async function backlog(lane: string, rows: number, source = 'acme'): Promise<void> {
  await stage.sql(
    `INSERT INTO work_items (id, queue, lane, source, subject_id, generation, state, phase, priority, due_at, correlation_id)
     SELECT gen_random_uuid(), 'paint', $1, $3, gen_random_uuid()::text, 0, 'queued', 'work', 5, clock_timestamp(), 'c'
     FROM generate_series(1, $2::int)`,
    [lane, rows, source],
  );
  await stage.sql(`INSERT INTO work_lanes (queue, lane, due_at) VALUES ('paint', $1, clock_timestamp())`, [lane]);
}

describe('a claim', () => {
  it('WQ-9.a takes from each lane no more than it has room for, and nothing of a lane that it does not ask for', async () => {
    await insert([
      ...times(6, (n) => inLane('a', { source: `s-${n % 3}` })),
      ...times(5, () => inLane('b')),
      ...times(5, () => inLane('c')),
      ...times(5, () => anItem()),
    ]);
    const claimed = await claim(ask('a', 2), ask('b', 9));
    expect(claimed.map(({ lane }) => lane).sort()).toEqual(['a', 'a', 'b', 'b', 'b', 'b', 'b']);
  });

  it('WQ-9.a takes from two lanes at once what two workers ask for, each item once', async () => {
    await insert([...times(40, () => inLane('a')), ...times(40, () => inLane('b'))]);
    const rounds = await Promise.all(times(8, () => anItem()).map(() => claim(ask('a', 5), ask('b', 5))));
    const ids = rounds.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('WQ-9.d gives sources turns, from the one after the last, whatever one of them has waiting', async () => {
    await insert(times(50, () => inLane('a', { source: 'flood', due_in_ms: -60_000 })));
    await insert([...times(3, () => inLane('a', { source: 'quiet' })), inLane('a', { source: 'rare' })]);
    const sources = (items: readonly WorkItem[]) => items.map(({ source }) => source).sort();
    expect(sources(await claim(ask('a', 1)))).toEqual(['flood']);
    expect(sources(await claim(ask('a', 1, { after: 'flood' })))).toEqual(['quiet']);
    expect(sources(await claim(ask('a', 1, { after: 'quiet' })))).toEqual(['rare']);
    expect(sources(await claim(ask('a', 4, { after: 'rare' })))).toEqual(['flood', 'flood', 'quiet', 'quiet']);
  });

  it('WQ-9.d lets priority, and waiting, order the items of one source, and never one source before another', async () => {
    const [low, high, old] = await insert([
      inLane('a', { source: 'b', priority: 0 }),
      inLane('a', { source: 'b', priority: 9 }),
      inLane('a', { source: 'b', priority: 0, due_in_ms: -300_000 }),
    ]);
    const [humble] = await insert([inLane('a', { source: 'c', priority: 0 })]);
    const ids = async (room: number) => (await claim(ask('a', room))).map(({ id }) => id).sort();
    expect(await ids(2)).toEqual([old!.id, humble!.id].sort());
    expect(await ids(1)).toEqual([high!.id]);
    expect(await ids(1)).toEqual([low!.id]);
  });

  it('takes nothing of what is not yet due', async () => {
    await insert([inLane('a', { due_in_ms: 60_000, priority: 9 }), inLane('a', { priority: 0 })]);
    expect((await claim(ask('a', 5))).map(({ priority }) => priority)).toEqual([0]);
  });

  it('DEL-8.g takes of a lane whose circuit is open what is overdue, and only that', async () => {
    await insert([
      inLane('a'),
      inLane('a', { overdue_in_ms: 60_000 }),
      inLane('a', { subject_id: 'late', overdue_in_ms: -1_000 }),
      inLane('a', { overdue_in_ms: -1_000, due_in_ms: 60_000 }),
      inLane('b', { overdue_in_ms: 60_000 }),
    ]);
    expect(await LANES.overdue(stage.database, 'paint')).toEqual(['a']);
    const claimed = await claim(ask('a', 5, { overdue: true }), ask('b', 5, { overdue: true }));
    expect(claimed.map(({ subject_id }) => subject_id)).toEqual(['late']);
  });

  it('WQ-9.c costs by the lanes that it asks for, with 100,000 rows behind another and plans of an idle queue', async () => {
    await stage.sql('ANALYZE work_items, work_lanes');
    await backlog('dead', 100_000);
    await backlog('slow', 10_000);
    await insert(times(20, (n) => inLane('healthy', { source: `s-${n % 4}` })));
    const params = [
      'paint',
      ['healthy'],
      [8],
      [''],
      [false],
      30,
      'alpha',
      '00000000-0000-4000-8000-000000000000',
      30_000,
    ];
    const plan = await explain(stage.database, CLAIM_LANES, params);
    // 4 sources, each with its first item and all of its 5; then the 8 that are taken.
    expect(rowsRead(plan, 'work_items')).toBeLessThanOrEqual(40);
    expect(rowsRead(await explain(stage.database, DUE_LANES, ['paint']), 'work_lanes')).toBeLessThanOrEqual(6);
  });

  it('WQ-9.c costs nothing for 1,000 lanes with nothing due yet, nor for those that have had something once', async () => {
    await insert(times(1_000, (n) => inLane(`later-${n}`, { due_in_ms: 60_000 })));
    const past = await insert(times(500, (n) => inLane(`past-${n}`)));
    await claim(...past.map(({ lane }) => ask(lane!, 1)));
    await LANES.renew(
      stage.database,
      'paint',
      past.map(({ lane }) => lane!),
    );
    await insert([inLane('now')]);
    expect(await due()).toEqual(['now']);
    expect(rowsRead(await explain(stage.database, DUE_LANES, ['paint']), 'work_lanes')).toBeLessThanOrEqual(3);
  });
});

describe('the table of lanes', () => {
  it('WQ-9.f holds a lane as soon as something is queued in it, whatever puts it there', async () => {
    await insert([inLane('queued'), inLane('born')].reverse(), 1);
    expect(await due()).toEqual(['queued']);
    const [item] = await insert([inLane('back')], 1);
    await OWNER.putBack(stage.database, [{ item: item!, due_in_ms: 0, attempt_failed: true }]);
    await insert([inLane('swept')], 1);
    await stage.sql(`UPDATE work_items SET lease_expires_at = clock_timestamp() - interval '1 s' WHERE lane = 'swept'`);
    await OWNER.sweep(stage.database, 10);
    const [unheard] = await insert([inLane('unheard')], 1);
    await OWNER.releaseUnheard(stage.database, [unheard!.lease.token]);
    expect(await due()).toEqual(['back', 'queued', 'swept', 'unheard']);
  });

  it('WQ-9.f tells when the first of all that is not yet due will be', async () => {
    await insert([inLane('a', { due_in_ms: 60_000 }), inLane('b', { due_in_ms: 20_000 })]);
    const { lanes, next_due_ms } = await LANES.due(stage.database, 'paint');
    expect([lanes, Math.round(next_due_ms! / 1_000)]).toEqual([[], 20]);
    await insert([inLane('a')]);
    expect(await due()).toEqual(['a']);
  });

  it('WQ-9.f lets a lane go when nothing is queued in it, and keeps one for what is due later or waits after a crash', async () => {
    await insert([inLane('empty'), inLane('later'), inLane('later', { due_in_ms: 30_000 }), inLane('suspect')]);
    await claim(ask('empty', 9), ask('later', 9), ask('suspect', 9));
    await stage.sql(
      `UPDATE work_items SET state = 'queued', crashes = 1, claimed_by = NULL, lease_token = NULL, lease_expires_at = NULL
       WHERE lane = 'suspect'`,
    );
    await LANES.renew(stage.database, 'paint', ['empty', 'later', 'suspect']);
    expect(await stage.sql(`SELECT lane, due_at > clock_timestamp() AS later FROM work_lanes ORDER BY lane`)).toEqual([
      { lane: 'later', later: true },
      { lane: 'suspect', later: false },
    ]);
  });

  it('WQ-9.f keeps the lane of an insert that relies on its mark and has not committed while somebody looks', async () => {
    await insert([inLane('a')]);
    await claim(ask('a', 1));
    let renewed: Promise<number | null> | undefined;
    await stage.database.transaction(async (tx) => {
      OWNER.insert(tx, [inLane('a')], 0);
      await tx.query('SELECT 1');
      renewed = LANES.renew(stage.database, 'paint', ['a']);
      await renewed;
    });
    expect(await due()).toEqual(['a']);
    expect(await stage.sql('SELECT FROM work_lanes')).toHaveLength(1);
  });

  it('WQ-9.f keeps the lane of an insert that commits between the lock of its mark and the look at what is queued', async () => {
    await insert([inLane('a')]);
    await claim(ask('a', 1));
    await stage.database.transaction(async (tx) => {
      const marks = await tx.query<{ id: string }>(LOCK_MARKS, ['paint', ['a']]);
      expect(marks).toHaveLength(1);
      await insert([inLane('a')]);
      await tx.query(RENEW_MARKS, ['paint', marks.map(({ id }) => id)]);
    });
    expect(await due()).toEqual(['a']);
  });

  it('WQ-9.f never waits for whoever takes marks away, nor for another that queues in the same lane', async () => {
    await insert([inLane('a')]);
    const hold = (work: (tx: Tx) => unknown) =>
      stage.database.transaction(async (tx) => {
        await work(tx);
        const others = [insert([inLane('a'), inLane('new')]), insert([inLane('new'), inLane('a')])];
        await Promise.all(others);
      });
    await hold((tx) => tx.query(LOCK_MARKS, ['paint', ['a']]));
    await hold((tx) => {
      OWNER.insert(tx, [inLane('a'), inLane('new')], 0);
      return tx.query('SELECT 1');
    });
    expect(await due()).toEqual(['a', 'new']);
  });

  it('WQ-9.f loses no lane while inserts, roll-backs, claims and looks run against each other', async () => {
    const lanes = ['a', 'b', 'c'];
    let inserting = true;
    const inserter = async (n: number): Promise<void> => {
      for (let round = 0; round < 60; round += 1) {
        const rolled_back = new Error('rolled back');
        await stage.database
          .transaction(async (tx) => {
            OWNER.insert(tx, [inLane(lanes[(n + round) % 3]!), inLane(lanes[n % 3]!)], 0);
            await tx.query('SELECT 1');
            if (round % 5 === 0) throw rolled_back;
          })
          .catch((error: unknown) => {
            if (error !== rolled_back) throw error;
          });
      }
    };
    const claimer = async (): Promise<void> => {
      while (inserting) {
        await claim(...lanes.map((lane) => ask(lane, 3)));
        await LANES.renew(stage.database, 'paint', lanes);
      }
    };
    // Each look of the net below finds, in one snapshot, whatever has something queued and no mark.
    const lost: unknown[] = [];
    const auditor = async (): Promise<void> => {
      while (inserting) lost.push(...(await LANES.markUnmarked(stage.database)));
    };
    const claimers = [claimer(), claimer(), auditor()];
    await Promise.all([0, 1, 2, 3].map(inserter));
    inserting = false;
    await Promise.all(claimers);
    expect([...lost, ...(await LANES.markUnmarked(stage.database))]).toEqual([]);
    const queued = await stage.sql<{ lane: string }>(`SELECT DISTINCT lane FROM work_items WHERE state = 'queued'`);
    expect(await due()).toEqual(expect.arrayContaining(queued.map(({ lane }) => lane)));
    for (const lane of lanes) while ((await claim(ask(lane, 50))).length > 0);
    await LANES.renew(stage.database, 'paint', lanes);
    expect(await stage.sql('SELECT FROM work_lanes')).toEqual([]);
  });

  it('WQ-9.f has lanes that somebody took away by hand brought back by the sweeper', async () => {
    await insert([inLane('a'), inLane('b', { due_in_ms: 60_000 })]);
    await stage.sql('DELETE FROM work_lanes');
    const queue = stage.queue(new Ledger());
    await queue.sweepOnce();
    expect(await due()).toEqual(['a']);
    expect(await LANES.markUnmarked(stage.database)).toEqual([]);
    expect(await stage.sql('SELECT FROM work_lanes')).toHaveLength(2);
  });
});

describe('a worker of a queue with lanes', () => {
  /** Writes are counted as Postgres counts them: an item that is claimed and put back is updated twice. */
  async function updatesOf(lane: string): Promise<number> {
    const [row] = await stage.sql<{ updates: number }>(
      `SELECT count(*)::int AS updates FROM work_items WHERE lane = $1 AND xmin::text <> $2`,
      [lane, inserted_by],
    );
    return row!.updates;
  }
  let inserted_by = '';

  async function insertedBacklog(lane: string, rows: number): Promise<void> {
    await backlog(lane, rows);
    const [row] = await stage.sql<{ xmin: string }>(`SELECT xmin::text FROM work_items WHERE lane = $1 LIMIT 1`, [
      lane,
    ]);
    inserted_by = row!.xmin;
  }

  it('WQ-9.a, WQ-9.b has no more of a lane at work than it has room for, and claims none of 10,000 rows of one that has none', async () => {
    await insertedBacklog('dead', 10_000);
    const rooms = new Rooms(
      new Map([
        ['a', 2],
        ['b', 3],
      ]),
    );
    const painter = new Painter(undefined, rooms);
    const queue = stage.queue(new Ledger());
    const worker = queue.worker(painter, { slots: 50, batch: 50 });
    queue.start();
    await stage.database.transaction((tx) => {
      queue.insert(tx, [...times(20, () => inLane('a')), ...times(20, () => inLane('b'))]);
    });
    worker.notify();
    await eventually(async () => expect(await stage.sql('SELECT FROM effects')).toHaveLength(40));
    expect(Object.fromEntries(rooms.most)).toEqual({ a: 2, b: 3 });
    expect([...rooms.taken.values()]).toEqual([0, 0]);
    expect(await updatesOf('dead')).toBe(0);
    await queue.stop();
  });

  it('WQ-9.b gives a lane with room for one probe one item, and nothing else before it has ended', async () => {
    await insertedBacklog('dead', 10_000);
    const rooms = new Rooms(new Map([['dead', 1]]));
    const painter = new Painter(() => {
      // The probe has failed: the circuit stays open.
      rooms.sizes.set('dead', 0);
      return Promise.reject(retryable());
    }, rooms);
    const queue = stage.queue(new Ledger());
    queue.worker(painter, { slots: 50, batch: 50 });
    queue.start();
    await eventually(() => expect(painter.delays).toHaveLength(1));
    await queue.stop();
    expect(painter.performed).toHaveLength(1);
    expect(await updatesOf('dead')).toBe(1);
  });

  it('WQ-9.g lets born-claimed items take the room of their lane, and none of a lane with a backlog', async () => {
    const rooms = new Rooms(
      new Map([
        ['a', 2],
        ['busy', 1],
      ]),
    );
    const release: (() => void)[] = [];
    const painter = new Painter((unit) => new Promise((resolve) => release.push(() => resolve(unit.body))), rooms);
    const queue = stage.queue(new Ledger());
    const worker = queue.worker(painter, { slots: 50, batch: 50 });
    queue.start();
    await stage.database.transaction((tx) =>
      queue.insert(
        tx,
        times(3, () => inLane('busy')),
      ),
    );
    worker.notify();
    await eventually(() => expect(release).toHaveLength(1));
    rooms.sizes.set('busy', 2);
    const reserved = [worker.reserveIn(['a', 'busy', 'a', 'a', 'dead']), worker.reserveIn(['a'])];
    const taken = rooms.taken.get('a');
    for (const each of reserved) worker.releaseIn(each);
    // Before anything is expected: what is held would keep a test that fails from coming to its end.
    await eventually(() => {
      for (const one of release.splice(0)) one();
      expect(painter.performed.flat()).toHaveLength(3);
    });
    await queue.stop();
    expect(reserved).toEqual([new Map([['a', 2]]), new Map()]);
    expect([taken, rooms.taken.get('a')]).toEqual([2, 0]);
  });

  it('WQ-4.c claims what expired in a crash once its lane has room, alone', async () => {
    await insert(
      times(3, () => inLane('a')),
      3,
    );
    await stage.sql(`UPDATE work_items SET lease_expires_at = clock_timestamp() - interval '1 s'`);
    const rooms = new Rooms(new Map());
    const painter = new Painter(undefined, rooms);
    const queue = stage.queue(new Ledger());
    const worker = queue.worker(painter, { slots: 50, batch: 50 });
    queue.start();
    await eventually(async () => {
      const waiting = await stage.sql(`SELECT FROM work_items WHERE state = 'queued' AND crashes = 1`);
      expect(waiting).toHaveLength(3);
    });
    expect(painter.performed).toEqual([]);
    rooms.sizes.set('a', 2);
    worker.notify();
    await eventually(async () => expect(await stage.sql('SELECT FROM effects')).toHaveLength(3));
    expect(painter.performed.map(({ length }) => length)).toEqual([1, 1, 1]);
    await queue.stop();
  });

  it('OPS-1.b claims nothing more from the first moment of a shutdown, nor lets anything be born claimed', async () => {
    const rooms = new Rooms(new Map([['a', 5]]));
    const painter = new Painter(undefined, rooms);
    const queue = stage.queue(new Ledger());
    const worker = queue.worker(painter, { slots: 50, batch: 50 });
    queue.start();
    queue.claimNoMore();
    await stage.database.transaction((tx) =>
      queue.insert(
        tx,
        times(3, () => inLane('a')),
      ),
    );
    worker.notify();
    expect(worker.reserveIn(['a'])).toEqual(new Map());
    await queue.stop();
    expect(painter.performed).toEqual([]);
  });

  it('takes no item without a lane, which it would never claim', async () => {
    const queue = stage.queue(new Ledger());
    queue.worker(new Painter(undefined, new Rooms(new Map())), { slots: 5, batch: 5 });
    await expect(stage.database.transaction((tx) => queue.insert(tx, [anItem()]))).rejects.toThrow('need a lane');
  });
});
