import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { eventually, PostgresProxy } from '@assay/testing';
import { ItemRepository } from './item.repository.js';
import { LaneRepository } from './lane.repository.js';
import { anItem, queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import { Sweeper } from './sweeper.js';

const LEASE_MS = 2_000;

let stage: QueueStage;
let proxy: PostgresProxy;
let database: Database;
beforeAll(async () => {
  stage = await queueStage();
  proxy = await PostgresProxy.start(stage.url);
  database = await new Database({
    url: fixedSecret(proxy.url(stage.url)),
    ...{ schema: 'ingest', pool_size: 2, statement_timeout_ms: 2_000, application_name: 'sweeper-spec' },
  }).open();
});
afterAll(async () => {
  await database.close();
  await proxy.close();
  await stage.close();
});

it('WQ-4.h takes nothing back until owners have had a lease since the outage, and what nobody renewed then', async () => {
  const owner = new ItemRepository('owner', 60_000, 30);
  const items = await stage.database.transaction((tx) => owner.insert(tx, [anItem(), anItem()], 2));
  const sweeper = new Sweeper(
    database,
    new ItemRepository('other', LEASE_MS, 30),
    new LaneRepository(),
    0,
    () => undefined,
  );
  proxy.refuse();
  await expect(database.execute('DELETE FROM effects')).rejects.toMatchObject({
    error_class: 'DEPENDENCY_UNAVAILABLE',
  });
  await stage.sql(`UPDATE work_items SET lease_expires_at = clock_timestamp() - interval '1 s'`);
  proxy.lift();
  await eventually(() => database.execute('DELETE FROM effects'));
  expect([await sweeper.sweepIfStale(), await sweeper.sweepAndMark()]).toEqual([[], []]);
  expect((await owner.renew(stage.database, [items[0]!])).size).toBe(1);
  await eventually(async () => {
    expect(await sweeper.sweep()).toMatchObject([{ subject_id: items[1]!.subject_id, crashes: 1 }]);
  });
});
