import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually, PostgresProxy } from '@assay/testing';
import { aSubmission, validatorFixture } from '../validator.fixture.js';
import type { Replica, ValidatorFixture } from '../validator.fixture.js';

jest.setTimeout(240_000);

let fixture: ValidatorFixture;
let proxy: PostgresProxy;
let replica: Replica;
beforeEach(async () => {
  ids.length = 0;
  fixture = await validatorFixture();
  proxy = await PostgresProxy.start(fixture.database.url);
  replica = await fixture.start({ DB_URL: proxy.url(fixture.database.url) });
});
afterEach(async () => {
  proxy.lift();
  await fixture.close();
  await proxy.close();
});

const ids: string[] = [];

/** Submits so many, in so many batches, and waits until each that ever was has been told of. */
async function submitted(batches: number, of: number): Promise<void> {
  for (let batch = 0; batch < batches; batch += 1) {
    const submissions = Array.from({ length: of }, () => aSubmission());
    ids.push(...submissions.map(({ job_id }) => job_id));
    await replica.submit(...submissions);
  }
  await eventually(
    () => {
      const told = new Set(fixture.validated.records.map((record) => record.json<{ job_id: string }>().job_id));
      expect([...told].sort()).toEqual([...ids].sort());
    },
    { within_ms: 90_000 },
  );
  const rows = await fixture.database.sql<{ n: string }>('SELECT count(*) AS n FROM validations');
  expect(Number(rows[0]!.n)).toBe(ids.length);
  expect(fixture.dead.records).toEqual([]);
}

/** The bytes told of one job must not differ, however often they were told. */
function expectOneStory(): void {
  const bodies = new Map<string, Set<string>>();
  for (const record of fixture.validated.records) {
    const { job_id } = record.json<{ job_id: string }>();
    bodies.set(job_id, (bodies.get(job_id) ?? new Set()).add(JSON.stringify(record.json())));
  }
  for (const told of bodies.values()) expect(told.size).toBe(1);
}

describe('commits of the validator', () => {
  it('WQ-10.c judges each submission once and tells of it, with the answer of one commit in 2 lost', async () => {
    proxy.cutAfterCommit({ share: 1 / 2 });
    for (let round = 0; round < 5; round += 1) await submitted(2, 10);
    expect(proxy.cuts).toBeGreaterThan(3);
    expectOneStory();
  });

  it('GEN-5.d judges each submission once and tells of it when one commit in 2 never arrives', async () => {
    proxy.cutBeforeCommit({ share: 1 / 2 });
    for (let round = 0; round < 5; round += 1) await submitted(2, 10);
    expect(proxy.cuts).toBeGreaterThan(3);
    expectOneStory();
  });

  it('GEN-5.f judges each submission once and tells of it while its connections come and go', async () => {
    proxy.flap(300);
    for (let round = 0; round < 5; round += 1) await submitted(2, 10);
    expectOneStory();
  });

  it('GEN-5.e, GEN-10.a, GEN-10.e goes on by new connections when those that stand are silent', async () => {
    await submitted(1, 5);
    proxy.blackHole('standing');
    await submitted(4, 10);
    expect((await replica.probe('/livez')).status).toBe(200);
  });
});
