/** Milliseconds of this process' processor time, so that neighbours on a busy machine count little. */
export function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const ROUNDS = 10;
/** Below this what is measured is the clock. */
const LEAST_MS = 1;

/**
 * How many times as much the large input costs as the small one, in the best of ten rounds that measure one right after
 * the other; the first round below `limit` ends it. A collection of garbage or a busy neighbour makes one round bad, a
 * quadratic step makes every round bad.
 *
 * @param cost of one input, in milliseconds
 */
export async function leastGrowth<Input>(
  limit: number,
  cost: (input: Input) => number | Promise<number>,
  small: Input,
  large: Input,
): Promise<number> {
  // Code that has not run yet is slow, and would hide the growth.
  await cost(small);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS && least >= limit; round += 1) {
    const small_ms = Math.max(await cost(small), LEAST_MS);
    least = Math.min(least, (await cost(large)) / small_ms);
  }
  return least;
}
