import { describe, expect, it } from '@jest/globals';
import { leastGrowth } from './growth.js';

/** What each call costs: cold at first, then small and large in turn. */
function costs(...each: readonly number[]): (input: string) => number {
  const left = [...each];
  return () => left.shift()!;
}

describe('leastGrowth', () => {
  it('takes the best round, so that a busy neighbour proves nothing', async () => {
    const growth = await leastGrowth(24, costs(30, 10, 900, 10, 90), 'small', 'large');
    expect(growth).toBe(9);
  });

  it('sees a step that is slow in every round, however slow the first call is', async () => {
    const rounds = Array.from({ length: 10 }, () => [10, 640]).flat();
    expect(await leastGrowth(24, costs(600, ...rounds), 'small', 'large')).toBe(64);
  });
});
