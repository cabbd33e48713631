import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@assay/testing';
import { anItem, queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import type { WorkItem } from './item.js';
import { ItemRepository } from './item.repository.js';

let stage: QueueStage;
beforeAll(async () => (stage = await queueStage()));
afterAll(() => stage.close());
beforeEach(() => stage.sql('TRUNCATE work_items'));

const ALPHA = new ItemRepository('alpha', 2_000, 30);
const BETA = new ItemRepository('beta', 2_000, 30);

function insert(items: Parameters<ItemRepository['insert']>[1], claimed = 0): Promise<WorkItem[]> {
  return stage.database.transaction((tx) => ALPHA.insert(tx, items, claimed));
}
const subjects = (items: readonly WorkItem[]) => items.map(({ subject_id }) => subject_id);
const expire = (ids: readonly string[]) =>
  stage.sql(`UPDATE work_items SET lease_expires_at = clock_timestamp() - interval '1 s' WHERE id = ANY($1)`, [ids]);

describe('claiming', () => {
  it('WQ-1.a never gives one item to two workers that claim at once', async () => {
    await insert(Array.from({ length: 200 }, () => anItem()));
    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, n) => new ItemRepository(`w${n}`, 2_000, 30).claimDue(stage.database, 'paint', 40)),
    );
    const ids = claims.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe(200);
  });

  it('WQ-1.j claims what is free and waits for no row that another has locked', async () => {
    await insert([anItem({ subject_id: 'locked', priority: 9 }), anItem({ subject_id: 'free' })]);
    await stage.database.transaction(async (tx) => {
      await tx.execute(`SELECT FROM work_items WHERE subject_id = 'locked' FOR UPDATE`);
      expect(subjects(await ALPHA.claimDue(stage.database, 'paint', 2))).toEqual(['free']);
    });
    expect(subjects(await ALPHA.claimDue(stage.database, 'paint', 2))).toEqual(['locked']);
  });

  it('WQ-1.b claims by priority, then due time, then age', async () => {
    await insert([anItem({ subject_id: 'low', priority: 1 })]);
    await insert([anItem({ subject_id: 'older' }), anItem({ subject_id: 'younger' })]);
    await insert([anItem({ subject_id: 'high', priority: 9 })]);
    await stage.sql(`UPDATE work_items SET due_at = now() - interval '1 s'`);
    await insert([anItem({ subject_id: 'due later' }), anItem({ subject_id: 'not due', due_in_ms: 60_000 })]);
    expect(subjects(await ALPHA.claimDue(stage.database, 'paint', 3))).toEqual(['high', 'older', 'younger']);
    expect(subjects(await ALPHA.claimDue(stage.database, 'paint', 3))).toEqual(['due later', 'low']);
  });

  it('WQ-1.c lets what has waited long go before a higher priority', async () => {
    await insert([anItem({ subject_id: 'patient', priority: 0 }), anItem({ subject_id: 'urgent', priority: 9 })]);
    await stage.sql(`UPDATE work_items SET due_at = due_at - interval '280 s' WHERE subject_id = 'patient'`);
    expect(subjects(await ALPHA.claimDue(stage.database, 'paint', 1))).toEqual(['patient']);
  });

  it('makes what waits of the subjects named due, and nothing else', async () => {
    const later = { due_in_ms: 60_000 };
    await insert([anItem({ subject_id: 'at work', ...later })], 1);
    await insert([
      ...['asked for', 'not asked for', 'crashed before'].map((subject_id) => anItem({ subject_id, ...later })),
      anItem({ subject_id: 'asked for', queue: 'another', ...later }),
      anItem({ subject_id: 'asked for', phase: 'publish', ...later }),
      anItem({ subject_id: 'due' }),
    ]);
    await stage.sql(`UPDATE work_items SET crashes = 1 WHERE subject_id = 'crashed before'`);
    const named = ['asked for', 'crashed before', 'at work', 'due', 'unknown'];
    expect((await ALPHA.makeDue(stage.database, 'paint', named)).sort()).toEqual(['asked for', 'crashed before']);
    expect(subjects(await ALPHA.claimDue(stage.database, 'paint', 10))).toEqual(['due', 'asked for']);
    expect(subjects(await ALPHA.claimSuspect(stage.database, 'paint'))).toEqual(['crashed before']);
    const left = await stage.sql<{ waiting: number }>(
      'SELECT count(*)::int AS waiting FROM work_items WHERE due_at > clock_timestamp()',
    );
    expect(left).toEqual([{ waiting: 4 }]);
  });

  it('WQ-2.a sets the owner, a fresh token and an expiry by the database clock', async () => {
    await insert([anItem(), anItem()]);
    const [first] = await ALPHA.claimDue(stage.database, 'paint', 1);
    const [second] = await ALPHA.claimDue(stage.database, 'paint', 1);
    expect(first!.lease.token).not.toBe(second!.lease.token);
    const rows = await stage.sql<{ claimed_by: string; lease_token: string; left: number }>(
      `SELECT claimed_by, lease_token, extract(epoch FROM lease_expires_at - clock_timestamp())::float8 AS left
       FROM work_items WHERE id = $1`,
      [first!.id],
    );
    expect(rows[0]).toMatchObject({ claimed_by: 'alpha', lease_token: first!.lease.token });
    expect(rows[0]!.left).toBeGreaterThan(1);
    expect(rows[0]!.left).toBeLessThanOrEqual(2);
  });

  it('WQ-2.c creates items born claimed, which no other worker can claim', async () => {
    const items = await insert([anItem({ subject_id: 'born' }), anItem({ subject_id: 'queued' })], 1);
    expect(subjects(await BETA.claimDue(stage.database, 'paint', 10))).toEqual(['queued']);
    expect(await ALPHA.renew(stage.database, items.slice(0, 1))).toEqual(new Set([items[0]!.id]));
  });

  it('keeps a payload of any bytes as it is', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    await insert([anItem({ payload: bytes }), anItem({ payload: Buffer.alloc(0) }), anItem()]);
    const payloads = (await ALPHA.claimDue(stage.database, 'paint', 3)).map(({ payload }) => payload);
    expect(payloads).toEqual([bytes, Buffer.alloc(0), null]);
  });
});

describe('bytes of payloads', () => {
  const payload = (bytes: number) => Buffer.alloc(bytes, 'x');
  const claim = (bytes: number, alone = false) =>
    ALPHA.claimDue(stage.database, 'paint', 10, { room: { bytes, alone } });
  beforeEach(async () => {
    const items = [
      ['first', 3_000],
      ['second', 20_000],
      ['none', 0],
      ['last', 10],
    ] as const;
    await insert(
      items.map(([subject_id, bytes]) => anItem({ subject_id, payload: bytes === 0 ? null : payload(bytes) })),
    );
  });

  it('WQ-11.a claims items in their order for as long as their payloads come to the bytes that there is room for', async () => {
    expect(subjects(await claim(22_999))).toEqual(['first']);
    expect(subjects(await claim(20_009))).toEqual(['second', 'none']);
    expect(subjects(await claim(10))).toEqual(['last']);
  });

  it('WQ-11.a claims a payload that is larger than the bound alone, and only where nothing else is held', async () => {
    expect(await claim(2_999)).toEqual([]);
    expect(subjects(await claim(2_999, true))).toEqual(['first']);
    expect(subjects(await claim(100, true))).toEqual(['second']);
    expect(subjects(await claim(0))).toEqual(['none']);
  });

  it('WQ-11.a claims of what waits to be published no more bytes either, and a larger payload alone', async () => {
    await stage.sql(`UPDATE work_items SET phase = 'publish'`);
    const unpublished = async (bytes: number) =>
      subjects(await BETA.claimUnpublished(stage.database, 10, { bytes, alone: bytes === 100 }));
    expect(await unpublished(2_999)).toEqual([]);
    expect(await unpublished(100)).toEqual(['first']);
    expect(await unpublished(20_005)).toEqual(['second', 'none']);
    expect(await unpublished(20_005)).toEqual(['last']);
  });

  it('ING-12.e claims what waits to be published source by source in turn, by priority within one source alone', async () => {
    await stage.sql('DELETE FROM work_items');
    const waiting = (source: string | undefined, n: number, priority: number) =>
      Array.from({ length: n }, (_, nth) =>
        anItem({ phase: 'publish', source, priority, subject_id: `${source} ${priority} ${nth}` }),
      );
    // One after the other, so that the flood is the oldest.
    for (const items of [waiting('flood', 500, 9), waiting(undefined, 3, 5), waiting('other', 2, 0)])
      await insert(items);
    await insert(waiting('other', 1, 7));
    const turn = async () => subjects(await BETA.claimUnpublished(stage.database, 10)).sort();
    expect(await turn()).toEqual(
      [
        ...[0, 1, 2, 3].map((nth) => `flood 9 ${nth}`),
        ...[0, 1, 2].map((nth) => `undefined 5 ${nth}`),
        ...['other 7 0', 'other 0 0', 'other 0 1'],
      ].sort(),
    );
    expect(await turn()).toEqual(Array.from({ length: 10 }, (_, nth) => `flood 9 ${nth + 4}`).sort());
  });

  it('WQ-11.a refuses a payload to items in lanes, whose handler loads their bodies when there is room', async () => {
    const laned = { lane: 'a', source: 's', payload: payload(1) };
    await expect(insert([anItem(laned)])).rejects.toMatchObject({ code: 'postgres_23514' });
    await expect(insert([anItem({ ...laned, payload: null })])).resolves.toHaveLength(1);
  });
});

describe('guards', () => {
  const guarded: [string, (as: ItemRepository, items: WorkItem[]) => Promise<Set<string> | Map<string, unknown>>][] = [
    ['renew', (as, items) => as.renew(stage.database, items)],
    ['lockOwned', (as, items) => as.lockOwned(stage.database, items)],
    [
      'advanceOwned',
      async (as, items) => {
        const kept = new Set<string>();
        for (const item of items) if (await as.advanceOwned(stage.database, { item, payload: null })) kept.add(item.id);
        return kept;
      },
    ],
    [
      'putBack',
      (as, items) =>
        as.putBack(
          stage.database,
          items.map((item) => ({ item, due_in_ms: 0, attempt_failed: true })),
        ),
    ],
    ['remove', (as, items) => as.remove(stage.database, items)],
    [
      'removeAcknowledged',
      async (as, items) => {
        await as.removeAcknowledged(stage.database, items);
        const left = await stage.sql<{ id: string }>('SELECT id FROM work_items');
        return new Set(items.map(({ id }) => id).filter((id) => !left.some((row) => row.id === id)));
      },
    ],
  ];

  it.each(guarded)('GEN-3.a %s changes nothing under a stale token and reports it as lost', async (_, write) => {
    const items = await insert([anItem(), anItem()], 2);
    await expire([items[0]!.id]);
    await BETA.sweep(stage.database, 10);
    await BETA.claimSuspect(stage.database, 'paint');
    const before = await stage.sql('SELECT * FROM work_items WHERE id = $1', [items[0]!.id]);
    const kept = await write(ALPHA, items);
    expect([...kept.keys()]).toEqual([items[1]!.id]);
    expect(await stage.sql('SELECT * FROM work_items WHERE id = $1', [items[0]!.id])).toEqual(before);
  });

  it.each(guarded)('WQ-3.a %s changes nothing under another owner with the right token', async (_, write) => {
    const items = await insert([anItem()], 1);
    expect((await write(BETA, items)).size).toBe(0);
  });

  it.each(guarded)(
    "GEN-3.a %s takes no other item's token of the batch, though it is a newer one",
    async (_, write) => {
      const [first] = await insert([anItem()], 1);
      const [second] = await insert([anItem()], 1);
      await stage.sql('UPDATE work_items SET lease_token = $1 WHERE id = $2', [second!.lease.token, first!.id]);
      expect([...(await write(ALPHA, [first!, second!])).keys()]).toEqual([second!.id]);
    },
  );

  it('gives each item of a batch its own values, in whatever order they come', async () => {
    const batches = await Promise.all(Array.from({ length: 12 }, () => insert([anItem(), anItem()], 2)));
    const items = batches.flat().sort(() => Math.random() - 0.5);
    await stage.database.transaction((tx) =>
      Promise.resolve(
        ALPHA.advanceLocked(
          tx,
          items.map((item, n) => ({ item, payload: n % 3 === 0 ? null : Buffer.from(item.subject_id) })),
        ),
      ),
    );
    const rows = await stage.sql<{ id: string; payload: Buffer | null }>('SELECT id, payload FROM work_items');
    expect(new Map(rows.map(({ id, payload }) => [id, payload?.toString()]))).toEqual(
      new Map(items.map(({ id, subject_id }, n) => [id, n % 3 === 0 ? undefined : subject_id])),
    );
    const due = await ALPHA.putBack(
      stage.database,
      items.map((item, n) => ({ item, due_in_ms: n * 60_000, attempt_failed: n % 2 === 0 })),
    );
    const start = Date.parse(due.get(items[0]!.id)!);
    const counted = await stage.sql<{ id: string; attempts: number }>('SELECT id, attempts FROM work_items');
    for (const [n, { id }] of items.entries()) {
      expect(Math.round((Date.parse(due.get(id)!) - start) / 60_000)).toBe(n);
      expect(counted.find((row) => row.id === id)!.attempts).toBe(n % 2 === 0 ? 1 : 0);
    }
  });

  it('removes an item that is held anew once, though its old lease is in the batch, too', async () => {
    const [old] = await insert([anItem()], 1);
    await expire([old!.id]);
    await ALPHA.sweep(stage.database, 10);
    const [anew] = await ALPHA.claimSuspect(stage.database, 'paint');
    await ALPHA.removeAcknowledged(stage.database, [old!, anew!]);
    expect(await stage.sql('SELECT id FROM work_items')).toEqual([]);
  });

  it('GEN-3.a judges the newest row where it had to wait for it', async () => {
    const items = await insert([anItem(), anItem()], 2);
    let waiting: Promise<Set<string>> | undefined;
    await stage.database.transaction(async (tx) => {
      await tx.execute(
        `UPDATE work_items SET lease_expires_at = lease_expires_at + interval '1 s',
           lease_token = CASE WHEN id = $1 THEN gen_random_uuid() ELSE lease_token END`,
        [items[0]!.id],
      );
      waiting = ALPHA.renew(stage.database, items);
      await eventually(async () => {
        const [row] = await stage.sql<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        if (row!.n === 0) throw new Error('nobody waits yet');
      });
    });
    expect(await waiting).toEqual(new Set([items[1]!.id]));
  });

  it('WQ-3.b locks overlapping batches in id order, so that they never deadlock', async () => {
    const items = await insert(
      Array.from({ length: 60 }, () => anItem()),
      60,
    );
    const backwards = [...items].reverse();
    const rounds = Array.from({ length: 40 }, (_, n) => ALPHA.renew(stage.database, n % 2 ? items : backwards));
    for (const kept of await Promise.all(rounds)) expect(kept.size).toBe(60);
  });

  it('WQ-3.b locks in id order, whatever plan finds the rows', async () => {
    const [first, second] = await insert([anItem(), anItem()], 2);
    // By now the first row stands behind the second one.
    await stage.sql('UPDATE work_items SET attempts = attempts WHERE id = $1', [first!.id]);
    const renewBySequentialScan = () =>
      stage.database.transaction(async (tx) => {
        await tx.execute(`SELECT set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true),
          set_config('enable_bitmapscan', 'off', true)`);
        await tx.execute('DISCARD PLANS');
        return ALPHA.renew(tx, [first!, second!]);
      });
    let renewing: Promise<Set<string>> | undefined;
    await stage.database.transaction(async (tx) => {
      await tx.execute('SELECT FROM work_items WHERE id = $1 FOR UPDATE', [first!.id]);
      renewing = renewBySequentialScan();
      await eventually(async () => {
        const waiting = await stage.sql(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        expect(waiting).toHaveLength(1);
      });
      const free = 'SELECT id FROM work_items WHERE id = $1 FOR UPDATE SKIP LOCKED';
      expect(await stage.sql(free, [second!.id])).toHaveLength(1);
    });
    expect((await renewing)!.size).toBe(2);
  });
});

describe('expiry', () => {
  it('WQ-4.a sweeps an expired item once, however many sweep at once', async () => {
    const items = await insert([anItem(), anItem()], 2);
    await expire([items[0]!.id]);
    const swept = await Promise.all([1, 2, 3, 4].map(() => ALPHA.sweep(stage.database, 10)));
    expect(swept.flat()).toEqual([{ queue: 'paint', phase: 'work', crashes: 1, subject_id: items[0]!.subject_id }]);
  });

  it('WQ-4.c claims an item that expired in a crash alone', async () => {
    const items = await insert([anItem(), anItem(), anItem()], 3);
    await expire(items.map(({ id }) => id));
    await BETA.sweep(stage.database, 10);
    expect(await BETA.claimDue(stage.database, 'paint', 10)).toEqual([]);
    expect(await BETA.claimSuspect(stage.database, 'paint')).toHaveLength(1);
  });

  it('WQ-1.e charges no crash to an item that waits for its publication', async () => {
    const items = await insert([anItem({ phase: 'publish' })], 1);
    await expire([items[0]!.id]);
    await BETA.sweep(stage.database, 10);
    expect(await BETA.claimUnpublished(stage.database, 10)).toMatchObject([{ crashes: 0, attempts: 0 }]);
  });

  it('WQ-4.e takes a crash off again when the owner proves to be alive', async () => {
    const items = await insert([anItem()], 1);
    await expire([items[0]!.id]);
    await BETA.sweep(stage.database, 10);
    expect(await ALPHA.forgive(stage.database, items)).toBe(1);
    expect(await BETA.claimDue(stage.database, 'paint', 10)).toMatchObject([{ crashes: 0 }]);
  });

  it('WQ-4.e keeps the crash when another has claimed the item meanwhile', async () => {
    const items = await insert([anItem()], 1);
    await expire([items[0]!.id]);
    await BETA.sweep(stage.database, 10);
    await BETA.claimSuspect(stage.database, 'paint');
    expect(await ALPHA.forgive(stage.database, items)).toBe(0);
  });

  it('GEN-4.a lets leases end by the database clock, whatever the host believes', async () => {
    const real = Date.now;
    try {
      for (const hour_ms of [-3_600_000, 3_600_000]) {
        Date.now = () => real() + hour_ms;
        const items = await insert([anItem({ due_in_ms: 0 })], 1);
        expect(await BETA.sweep(stage.database, 10)).toEqual([]);
        await stage.sql(`UPDATE work_items SET lease_expires_at = clock_timestamp() + interval '30 ms'`);
        const swept = await eventually(async () => {
          const found = await BETA.sweep(stage.database, 10);
          if (found.length === 0) throw new Error('not yet expired');
          return found;
        });
        expect(swept).toMatchObject([{ subject_id: items[0]!.subject_id }]);
        await stage.sql('TRUNCATE work_items');
      }
    } finally {
      Date.now = real;
    }
  });
});

describe('waiting', () => {
  it('WQ-6.b tells when the next item is due', async () => {
    expect(await ALPHA.nextDueMs(stage.database, 'paint')).toBeNull();
    await insert([anItem({ due_in_ms: 90_000 }), anItem({ due_in_ms: 30_000, priority: 1 })]);
    const next_ms = await ALPHA.nextDueMs(stage.database, 'paint');
    expect(next_ms).toBeGreaterThan(25_000);
    expect(next_ms).toBeLessThanOrEqual(30_000);
    expect(await ALPHA.nextPublishDueMs(stage.database)).toBeNull();
  });
});
