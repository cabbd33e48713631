import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { ReplayRequested } from '@assay/contracts';
import { eventually, PostgresProxy } from '@assay/testing';
import { replayStage } from './replay.fixture.js';
import type { ReplayStage } from './replay.fixture.js';

jest.setTimeout(60_000);

/** As many as one plan may hold here. */
const ITEMS = 8;

let stage: ReplayStage;
let proxy: PostgresProxy;
beforeAll(async () => {
  stage = await replayStage(async (url) => {
    proxy = await PostgresProxy.start(url);
    return proxy.url(url);
  });
});
afterAll(async () => {
  proxy.lift();
  await stage.close();
  await proxy.close();
});

describe('a plan whose commits are answered to nobody', () => {
  it('WQ-10.e, DLQ-10.c asks for each item once and ends, with the answer of one commit in 2 lost', async () => {
    const failed = [];
    for (let n = 0; n < ITEMS; n += 1) failed.push(await stage.fail());
    const plan = await stage.plan(failed);
    proxy.cutAfterCommit({ share: 1 / 2 });
    // The answer to this one may be lost as well.
    await eventually(async () => {
      await stage.act(plan, 'execute');
      expect((await stage.read(plan)).state).toBe('executing');
    });
    for (const one of failed) {
      const [request] = await stage.requests(one);
      await stage.accept(request!);
      await stage.deliver(one, 1);
    }
    await eventually(
      async () => expect(await stage.read(plan)).toMatchObject({ state: 'completed', progress: { resolved: ITEMS } }),
      { within_ms: 40_000 },
    );
    expect(proxy.cuts).toBeGreaterThan(1);
    const ids = stage.requested.records.map(
      (record) => `${record.headers.ce_id} ${record.json<ReplayRequested>().item_id}`,
    );
    expect(new Set(ids).size).toBe(ITEMS);
  });
});
