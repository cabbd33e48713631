import type { TestSystem } from './test-system.js';

/** For a command that runs a system of its own: Ctrl-C and SIGTERM close it, then end the process with 130. */
export function closeOnSignals(system: TestSystem): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => void system.close().finally(() => process.exit(130)));
  }
}
