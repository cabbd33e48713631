import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabase, testRun } from '@assay/testing';
import { contend } from '../../../test/faults/queue/contention.js';
import type { Contention } from '../../../test/faults/queue/contention.js';

/** The short form of `npm run test:faults -- queue`; another seed in each run, which a failure shows. */
async function contention(items: number, max_active: number | null): Promise<Contention> {
  const database = await testDatabase('ingest', { empty: true });
  const { build, log_directory } = testRun();
  const place = { url: database.url, schema: 'ingest', build, log_file: join(log_directory, 'contention.log') };
  const timing = { faults_ms: 4_000, patience_ms: 40_000 };
  try {
    return await contend({ ...place, ...timing, seed: process.pid, items, max_active });
  } finally {
    await database.close();
  }
}

function expectEachEndedOnce({ left, seed, verdict }: Contention): void {
  const { dead, done, inserted, lost, twice } = verdict;
  const once = { seed, twice: [], lost: [], left: 0, ended: inserted };
  expect({ seed, twice, lost, left, ended: done + dead }).toEqual(once);
}

function expectNoForeignWrite({ seed, verdict }: Contention): void {
  const { intrusions, stale_endings } = verdict;
  expect({ seed, stale_endings, intrusions }).toEqual({ seed, stale_endings: [], intrusions: [] });
}

describe('32 workers in four processes', () => {
  let result: Contention;
  beforeAll(async () => (result = await contention(150, null)));

  it('WQ-8.a end each item once and lose none, whoever is killed, stopped, stands still or has a wrong clock', () => {
    expectEachEndedOnce(result);
    expect(result.verdict.inserted).toBeGreaterThanOrEqual(150);
  });

  it('WQ-8.b turn stale workers away at the end of their work, and let nobody write what another owns', () => {
    expectNoForeignWrite(result);
    expect(result.kills + result.freezes).toBeGreaterThan(0);
    expect(result.verdict.turned_away).toBeGreaterThan(0);
  });
});

describe('32 workers in four processes that may have six items in hand', () => {
  const W = 6;
  let result: Contention;
  beforeAll(async () => (result = await contention(60, W)));

  it('WQ-5.a, WQ-8.c have never more of them at work at one instant, and make use of all', () => {
    const { seed, verdict } = result;
    expect({ seed, most_at_once: verdict.most_at_once }).toEqual({ seed, most_at_once: W });
  });

  it('WQ-8.a, WQ-8.b end each item once under the same faults, and let no stale worker write', () => {
    expectEachEndedOnce(result);
    expectNoForeignWrite(result);
  });
});
