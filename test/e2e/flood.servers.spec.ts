import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSystem, type TestSystem } from '@assay/testing';
import { type FloodFigures, measureFlood } from '../faults/fairness/flood.js';
import { limitedTo } from '../faults/fairness/limits.js';

const LIMIT_MS = 240_000;
/** What two busy cores do with ease beside other tests: what is measured is who waits for whom, not how fast that is. */
const RATE_PER_S = 20;
const BURST = 40;
const AT_ONCE = 1_000;
/** Of so many floods one must be well: what else a busy machine does makes one bad, a source that holds others up all. */
const FLOODS = 3;
/** The rule's own. */
const AT_MOST = 2;

let system: TestSystem;
beforeAll(async () => {
  system = await startSystem({ tuning: limitedTo(RATE_PER_S, BURST) });
}, LIMIT_MS);
afterAll(() => system.close(), LIMIT_MS);

const worst = ({ shared, own }: FloodFigures): number => Math.max(shared.ratio, own.ratio);

describe('a source that sends a thousand reviews at once', () => {
  it(
    'ING-12.d at most doubles how long those of another source take, from POST to succeeded, at its endpoint and elsewhere',
    async () => {
      const floods: FloodFigures[] = [];
      while (floods.length < FLOODS) {
        const options = { shape: { at_once: AT_ONCE }, every_ms: 250, reviews: 32, leaves_early: true };
        const flood = await measureFlood(system, { ...options, say: () => undefined });
        floods.push(flood);
        expect(flood.flood.refused).toBeGreaterThanOrEqual(AT_ONCE - BURST - RATE_PER_S * 10);
        if (worst(flood) <= AT_MOST) break;
      }
      expect(Math.min(...floods.map(worst))).toBeLessThanOrEqual(AT_MOST);
    },
    LIMIT_MS,
  );
});
