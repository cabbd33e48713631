import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ItemRepository } from './item.repository.js';
import { anItem, queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';

let stage: QueueStage;
beforeAll(async () => (stage = await queueStage()));
afterAll(() => stage.close());

const ITEMS = 50;
const SIZES = `SELECT pg_relation_size(oid)::integer AS table, pg_relation_size(reltoastrelid)::integer AS toast
  FROM pg_class WHERE oid = 'work_items'::regclass`;

it('leaves an emptied queue its pages, which a vacuum would give back under a lock that stops every statement', async () => {
  const owner = new ItemRepository('alpha', 2_000, 30);
  const items = [4_000, 12_000].flatMap((bytes) =>
    Array.from({ length: ITEMS }, () => anItem({ payload: Buffer.alloc(bytes, 'x') })),
  );
  await stage.database.transaction((tx) => owner.insert(tx, items, 0));
  const [full] = await stage.database.query<{ table: number; toast: number }>(SIZES);
  expect(full!.table).toBeGreaterThan(ITEMS * 4_000);
  expect(full!.toast).toBeGreaterThan(ITEMS * 12_000);
  await stage.sql('DELETE FROM work_items');
  await stage.sql('VACUUM work_items');
  expect(await stage.database.query(SIZES)).toEqual([full]);
});
