import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startSystem, type TestSystem } from '@assay/testing';
import { PATIENT } from '../faults/fairness/limits.js';
import { mayTakeMs, measureNight } from '../faults/fairness/night.js';

const LIMIT_MS = 300_000;
/** What two busy cores do with ease beside other tests: what is measured is who waits for whom, not how fast that is. */
const PER_S = 16;
/** The rule's own. */
const BEHIND = { dead: 100_000, metered: 10_000 };

let system: TestSystem;
beforeAll(async () => {
  system = await startSystem({ sink_records: 10_000, tuning: { ingest: PATIENT } });
}, LIMIT_MS);
afterAll(() => system.close(), LIMIT_MS);

it(
  'WQ-9.e delays a healthy endpoint by half or 10 ms at most beside 100,000 rows of a dead and 10,000 of a rate-limited one',
  async () => {
    const options = { per_s: PER_S, alone_s: 20, night_s: 20, nights: 3, behind: BEHIND };
    const { alone_ms, beside_ms, requests } = await measureNight(system, { ...options, say: () => undefined });
    expect(beside_ms.p50).toBeLessThanOrEqual(mayTakeMs(alone_ms.p50));
    expect(requests.metered).toBeGreaterThan(0);
    expect(requests.metered).toBeLessThan(BEHIND.metered);
  },
  LIMIT_MS,
);
