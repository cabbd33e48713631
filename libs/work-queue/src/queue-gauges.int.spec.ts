import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { renderMetrics } from '@assay/observability';
import type { Tx } from '@assay/postgres';
import { explain, rowsRead } from '@assay/testing';
import { anItem, queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import { ItemRepository } from './item.repository.js';
import type { QueueDepth } from './item.repository.js';
import { QueueGauges } from './queue-gauges.js';
import { DEPTH, DEPTH_CAP } from './sql/depth.js';

let stage: QueueStage;
beforeAll(async () => (stage = await queueStage()));
afterAll(() => stage.close());
beforeEach(() => stage.sql('TRUNCATE work_items'));

const OWNER = new ItemRepository('alpha', 30_000, 30);
const insert = (items: Parameters<ItemRepository['insert']>[1], claimed = 0) =>
  stage.database.transaction((tx) => OWNER.insert(tx, items, claimed));
const ago = (seconds: number, differs: Parameters<typeof anItem>[0] = {}) =>
  anItem({ due_in_ms: -seconds * 1_000, ...differs });

/** By queue, phase and state, ages in whole seconds. */
async function depths(): Promise<Record<string, [items: number, oldest_s: number]>> {
  const rows = await OWNER.depth(stage.database);
  const key = ({ queue, phase, state }: QueueDepth) => `${queue} ${phase} ${state}`;
  return Object.fromEntries(rows.map((row) => [key(row), [row.items, Math.floor(row.oldest_s)]]));
}

describe('depth', () => {
  it('OBS-2.d tells how many items stand in each queue, phase and state, and how old the oldest is', async () => {
    await insert([ago(20), ago(40, { priority: 1 }), ago(30, { priority: 9 })]);
    await insert([ago(10, { queue: 'carve' }), ago(15, { queue: 'carve', phase: 'publish' })]);
    await insert([
      ago(5, { queue: 'sand', phase: 'publish', priority: 0 }),
      ago(25, { queue: 'sand', phase: 'publish' }),
    ]);
    await insert([ago(70), ago(60, { phase: 'publish' })], 2);
    await insert([ago(90, { queue: 'weld' })]);
    await stage.sql(`UPDATE work_items SET crashes = 1 WHERE queue = 'weld' OR priority = 1`);
    expect(await depths()).toMatchObject({
      'paint work queued': [3, 40],
      'paint work running': [1, 70],
      'paint publish running': [1, 60],
      'carve work queued': [1, 10],
      'carve publish queued': [1, 15],
      'sand publish queued': [2, 25],
      'weld work queued': [1, 90],
    });
  });

  it('OBS-2.d reports a queue that has emptied as 0, and looks at the table once for both gauges', async () => {
    let looks = 0;
    const counting = new (class extends ItemRepository {
      override depth(tx: Tx): Promise<QueueDepth[]> {
        looks += 1;
        return super.depth(tx);
      }
    })('alpha', 30_000, 30);
    const gauges = new QueueGauges(stage.database, counting);
    gauges.start();
    try {
      await insert([ago(50, { queue: 'polish' })]);
      const series = /^(assay_work_\w+)\{queue="polish",phase="work",state="queued"\} (\d+)/gm;
      const read = async () =>
        Object.fromEntries(
          [...(await renderMetrics()).matchAll(series)].map(([, name, value]) => [name, Number(value)]),
        );
      expect(await read()).toEqual({ assay_work_items: 1, assay_work_oldest_seconds: 50 });
      expect(looks).toBe(1);
      await stage.sql('DELETE FROM work_items');
      expect(await read()).toEqual({ assay_work_items: 0, assay_work_oldest_seconds: 0 });
      expect(looks).toBe(2);
    } finally {
      gauges.stop();
    }
  });

  it('OBS-2.d reports a queue that it knows as 0 before anything has stood in it', async () => {
    const gauges = new QueueGauges(stage.database, OWNER);
    gauges.know('varnish');
    gauges.start();
    try {
      const series = /^assay_work_items\{queue="varnish",phase="(\w+)",state="(\w+)"\} (\d+)/gm;
      const found = [...(await renderMetrics()).matchAll(series)].map(([, ...words]) => words.join(' '));
      expect(found.sort()).toEqual(['publish queued 0', 'publish running 0', 'work queued 0', 'work running 0']);
    } finally {
      gauges.stop();
    }
  });

  it('OBS-2.d counts what waits to a bound and reads no more than that, the ages exact, at 100,000 items', async () => {
    await stage.sql('ANALYZE work_items');
    await stage.sql(
      `INSERT INTO work_items (id, queue, subject_id, generation, state, phase, priority, due_at, correlation_id)
       SELECT gen_random_uuid(), 'paint', n::text, 0, 'queued', CASE WHEN n % 2 = 0 THEN 'work' ELSE 'publish' END, n % 10,
         clock_timestamp() - n * interval '1 s', 'c' FROM generate_series(1, 100000) AS n`,
    );
    expect(await depths()).toMatchObject({
      'paint work queued': [DEPTH_CAP, 100_000],
      'paint publish queued': [DEPTH_CAP, 99_999],
    });
    const plan = await explain(stage.database, DEPTH, [DEPTH_CAP]);
    expect(rowsRead(plan, 'work_items')).toBeLessThan(2 * DEPTH_CAP + 200);
  });
});
