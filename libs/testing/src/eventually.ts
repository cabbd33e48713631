import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/**
 * Tries until `check` stops throwing, and returns what it returned; after `within_ms` (20 s) throws what it threw last.
 * For what another process or a timer brings about: a test never waits for a fixed time.
 */
export async function eventually<T>(check: () => T | Promise<T>, options: { within_ms?: number } = {}): Promise<T> {
  const deadline = performance.now() + (options.within_ms ?? 20_000);
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await delay(POLL_MS);
  }
}
