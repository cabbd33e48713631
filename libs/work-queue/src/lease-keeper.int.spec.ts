import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { defineSettings, readSettings } from '@assay/service';
import { eventually, PostgresProxy } from '@assay/testing';
import { anItem, queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import { ItemRepository } from './item.repository.js';
import { LeaseKeeper } from './lease-keeper.js';
import { ClaimFloors } from './claim-floors.js';
import { WORK_QUEUE_SETTINGS } from './settings.js';
import { CLAIM_DUE } from './sql/claim-due.js';

const LEASE_MS = 60_000;
const ENDS = `SELECT lease_expires_at AS at,
  (extract(epoch FROM lease_expires_at - clock_timestamp()) * 1000)::float8 AS in_ms FROM work_items`;

let stage: QueueStage;
let proxy: PostgresProxy;
let items: ItemRepository;
let keeper: LeaseKeeper;
beforeEach(async () => {
  stage = await queueStage();
  proxy = await PostgresProxy.start(stage.url);
  items = new ItemRepository('alpha', LEASE_MS, 30);
  keeper = new LeaseKeeper(stage.database, items);
  await stage.database.transaction((tx) => items.insert(tx, [anItem()], 0));
});
afterEach(async () => {
  await stage.close();
  await proxy.close();
});

/** A claim that fails here, and of which Postgres has not heard yet. Returns its token. */
async function claimOnItsWay(): Promise<string> {
  const database = await new Database({
    ...{ url: fixedSecret(proxy.url(stage.url)), schema: 'ingest', pool_size: 1, statement_timeout_ms: 2_000 },
    application_name: 'cut off',
  }).open();
  proxy.refuse();
  await expect(items.claimDue(database, 'paint', 1)).rejects.toMatchObject({ retryable: true });
  await database.close();
  return [...items.unheard.keys()][0]!;
}

const arrive = (token: string) =>
  stage.database.query(CLAIM_DUE, ['paint', 1, 30, 'alpha', token, LEASE_MS, new ClaimFloors().next(), 1_024, true]);
const state = () => stage.sql('SELECT state, crashes, claimed_by FROM work_items');
const QUEUED = [{ state: 'queued', crashes: 0, claimed_by: null }];

describe('leases', () => {
  it.each([
    ['WQ-2.b are renewed once a third of their length has passed, and not before', {}, 30_000, 10_000],
    [
      'WQ-2.d are as long, and renewed after as much of that, as settings say',
      { ASSAY_LEASE_MS: '90000', ASSAY_LEASE_RENEWAL_SHARE: '0.1' },
      ...([90_000, 9_000] as const),
    ],
  ])('%s', async (_title, env, lease_ms, renewed_after_ms) => {
    const settings = readSettings(defineSettings(WORK_QUEUE_SETTINGS), env);
    items = new ItemRepository('alpha', settings.lease_ms, 30);
    keeper = new LeaseKeeper(stage.database, items, settings.lease_renewal_share);
    const { now } = performance;
    const [item] = await items.claimDue(stage.database, 'paint', 1);
    keeper.hold([item!]);
    const ends = async () => (await stage.sql<{ at: Date; in_ms: number }>(ENDS))[0]!;
    const endAfter = async (passed_ms: number) => {
      performance.now = () => now.call(performance) + passed_ms;
      await keeper.tick();
      return (await ends()).at;
    };
    const claimed_until = await ends();
    expect(claimed_until.in_ms).toBeGreaterThan(lease_ms - 10_000);
    expect(claimed_until.in_ms).toBeLessThanOrEqual(lease_ms);
    try {
      expect(await endAfter(renewed_after_ms - 5_000)).toEqual(claimed_until.at);
      expect(await endAfter(renewed_after_ms)).not.toEqual(claimed_until.at);
    } finally {
      performance.now = now;
    }
  });

  it('WQ-4.e are no crash when their owner asks for them after they have ended', async () => {
    const [item] = await items.claimDue(stage.database, 'paint', 1);
    keeper.hold([item!]);
    await stage.sql('UPDATE work_items SET lease_expires_at = clock_timestamp()');
    await new ItemRepository('beta', LEASE_MS, 30).sweep(stage.database, 10);
    expect(await state()).toEqual([{ state: 'queued', crashes: 1, claimed_by: null }]);
    const { now } = performance;
    performance.now = () => now.call(performance) + LEASE_MS / 2;
    try {
      await keeper.tick();
    } finally {
      performance.now = now;
    }
    expect(item!.lease.lost).toBe(true);
    expect(await state()).toEqual(QUEUED);
  });
});

describe('claims that were answered to nobody', () => {
  it('WQ-4.f gives back what such a claim takes after the first look for it', async () => {
    const token = await claimOnItsWay();
    await keeper.tick();
    await arrive(token);
    expect(await state()).toMatchObject([{ state: 'running' }]);
    await keeper.tick();
    expect(await state()).toEqual(QUEUED);
  });

  it('WQ-4.f gives back what such a claim took when the process stops', async () => {
    await arrive(await claimOnItsWay());
    await keeper.stop();
    expect(await state()).toEqual(QUEUED);
  });

  it('forgets such a claim after a lease, for it can hold nothing any more', async () => {
    keeper = new LeaseKeeper(stage.database, (items = new ItemRepository('alpha', 100, 30)));
    await claimOnItsWay();
    await eventually(async () => {
      await keeper.tick();
      expect(items.unheard.size).toBe(0);
    });
  });
});
