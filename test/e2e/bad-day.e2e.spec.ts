import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSystem, testRun, type TestSystem } from '@assay/testing';
import { type Day, runBadDay, TUNING } from '../faults/bad-day.js';

/**
 * Its eight faults: a kill, a freeze, Postgres away, lost answers of COMMIT at the notifier, webhooks, mails of a service and a
 * chat message that are taken and cut, poison.
 */
const SEED = 3_379_570;
const SUBMISSIONS = 120;
const LIMIT_MS = 300_000;

let system: TestSystem;
let day: Day;

beforeAll(async () => {
  const sink_records = SUBMISSIONS * 10;
  system = await startSystem({ replicas: 2, own_stack: true, proxies: true, tuning: TUNING, sink_records });
  const options = { seed: SEED, submissions: SUBMISSIONS, build: testRun().build, patience_ms: 60_000 };
  day = await runBadDay(system, { ...options, say: () => undefined });
}, LIMIT_MS);
afterAll(() => system.close(), LIMIT_MS);

describe('120 submissions of three sources on a bad day, judged from outside', () => {
  it('GEN-5.a GEN-5.c DLQ-4.b loses nothing: each job ends, or stands under an open dead letter', () => {
    expect(day.verdict.accepted).toBe(day.submitted);
    expect(day.cuts).toBeGreaterThan(0);
    expect(day.verdict.poison.announced_at_least).toBeGreaterThan(0);
    expect(day.verdict.lost).toEqual([]);
  });

  it('DEL-13.a ING-3.d DLQ-10.a tells nobody twice, and replays once what two operators ask for', () => {
    expect(day.verdict.replayed.resolved).toBeGreaterThan(0);
    expect(day.verdict.told_twice).toEqual([]);
  });

  it('DEL-13.a leaves no recipient both untold and unmarked', () => {
    expect(day.verdict.unmarked).toEqual([]);
  });

  it('GEN-8.b shows nothing of one source to another', () => {
    expect(day.verdict.leaked).toEqual([]);
  });
});
