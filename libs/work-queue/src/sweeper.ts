import { createLog } from '@assay/observability';
import type { Database } from '@assay/postgres';
import type { ItemRepository, SweptItem } from './item.repository.js';
import type { LaneRepository } from './lane.repository.js';
import { sweeps } from './metrics.js';
import { OwnersFirst } from './owners-first.js';

const log = createLog('work-queue.sweeper', ['swept', 'sweep_failed', 'lanes_unmarked']);
const BATCH = 1_000;

/** Takes back what belongs to nobody (WQ-4): in every replica's loop, and by the `sweep` command of a CronJob. */
export class Sweeper {
  #timer: NodeJS.Timeout | undefined;
  #scheduled: Promise<void> | undefined;
  #sweeping: Promise<SweptItem[]> | undefined;
  readonly #owners: OwnersFirst;
  #swept_at_ms = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: Database,
    private readonly items: ItemRepository,
    private readonly lanes: LaneRepository,
    private readonly interval_ms: number,
    private readonly onSwept: (items: readonly SweptItem[]) => void,
  ) {
    this.#owners = new OwnersFirst(items.lease_ms);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#scheduled ??= this.sweepAndMark()
        .then(() => undefined)
        .catch((error: unknown) => log.warn('sweep_failed', { code: (error as { code?: string }).code }))
        .finally(() => (this.#scheduled = undefined));
    }, this.interval_ms);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#scheduled;
    await this.#sweeping?.catch(() => undefined);
  }

  /** For claim paths that find nothing: sweeps unless that was done within half an interval. */
  async sweepIfStale(): Promise<SweptItem[]> {
    return performance.now() - this.#swept_at_ms < this.interval_ms / 2 ? [] : this.sweep();
  }

  /** What is done on a schedule: with the net below the lanes, which finds nothing unless something is wrong (WQ-9). */
  async sweepAndMark(): Promise<SweptItem[]> {
    const unmarked = await this.lanes.markUnmarked(this.database);
    if (unmarked.length > 0) log.error('lanes_unmarked', { lanes: unmarked.length, first: unmarked[0]!.lane });
    return this.sweep();
  }

  /** Sweeps until nothing is left; idempotent, and safe beside any other sweeper. */
  sweep(): Promise<SweptItem[]> {
    this.#sweeping ??= this.#sweepAll().finally(() => (this.#sweeping = undefined));
    return this.#sweeping;
  }

  async #sweepAll(): Promise<SweptItem[]> {
    this.#swept_at_ms = performance.now();
    if (this.#owners.defers(this.database.writableForMs)) return [];
    const swept: SweptItem[] = [];
    for (;;) {
      const batch = await this.items.sweep(this.database, BATCH);
      swept.push(...batch);
      if (batch.length < BATCH) break;
    }
    if (swept.length > 0) {
      for (const { queue, phase } of swept) sweeps.add(1, { queue, phase });
      log.warn('swept', { items: swept.length, queues: [...new Set(swept.map(({ queue }) => queue))] });
      this.onSwept(swept);
    }
    return swept;
  }
}
