import { createLog } from '@assay/observability';
import type { Liveness } from './health.js';

const log = createLog('periodic', ['task_failed']);

/** `/livez` fails where a run was begun and none ended for so long (GEN-10). */
const MAX_SILENCE_MS = 120_000;
const LONGEST_LOOK_INTERVAL_MS = 30_000;
const LOOKS_PER_TIMEOUT = 4;

export interface PeriodicTaskOptions {
  /** In `/livez` and in logs: lower snake case. */
  name: string;
  interval_ms: number;
  run: () => Promise<unknown>;
}

/**
 * Runs again and again in each replica, one run at a time: an interval in which the last one is still under way begins
 * none. A run that fails is logged, and the next comes all the same.
 */
export class PeriodicTask {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(
    private readonly liveness: Liveness,
    private readonly options: PeriodicTaskOptions,
  ) {}

  start(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.#run().finally(() => (this.#running = undefined));
    }, this.options.interval_ms);
    this.#timer.unref();
  }

  /** Resolves when the run under way, if any, has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { name: task, run } = this.options;
    const ended = this.liveness.due(task, MAX_SILENCE_MS);
    await run().catch((error: unknown) => log.warn('task_failed', { task }, error));
    ended();
  }
}

/** How often to look for what a time-out has ended: four times in it, and twice a minute at least. */
export function lookIntervalMs(timeout_ms: number): number {
  return Math.min(LONGEST_LOOK_INTERVAL_MS, Math.ceil(timeout_ms / LOOKS_PER_TIMEOUT));
}
