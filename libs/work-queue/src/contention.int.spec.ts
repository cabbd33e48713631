import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { testDatabase, testRun } from '@assay/testing';
import { contend } from '../../../test/faults/queue/contention.js';
import type { Contention } from '../../../test/faults/queue/contention.js';

let contention: Contention;

/** The short form of `npm run test:faults -- queue`; another seed in each run, which a failure shows. */
beforeAll(async () => {
  const database = await testDatabase('ingest', { empty: true });
  const { build, log_directory } = testRun();
  const place = { url: database.url, schema: 'ingest', build, log_file: join(log_directory, 'contention.log') };
  try {
    contention = await contend({ ...place, seed: process.pid, items: 200, faults_ms: 5_000, patience_ms: 40_000 });
  } finally {
    await database.close();
  }
});

it('WQ-8.a ends each item once and loses none, whoever is killed, stopped, stands still or has a wrong clock', () => {
  const { left, seed, verdict } = contention;
  const { dead, done, inserted, lost, twice } = verdict;
  expect({ seed, twice, lost, left, ended: done + dead }).toEqual({
    seed,
    twice: [],
    lost: [],
    left: 0,
    ended: inserted,
  });
  expect(inserted).toBeGreaterThanOrEqual(180);
});

it('WQ-8.b turns stale workers away at the end of their work, and lets nobody write what another owns', () => {
  const { freezes, kills, seed, verdict } = contention;
  const { intrusions, stale_endings } = verdict;
  expect({ seed, stale_endings, intrusions }).toEqual({ seed, stale_endings: [], intrusions: [] });
  expect(kills + freezes).toBeGreaterThan(0);
  expect(verdict.turned_away).toBeGreaterThan(0);
});
