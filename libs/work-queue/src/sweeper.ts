import { createLog } from '@assay/observability';
import type { Database } from '@assay/postgres';
import type { ItemRepository, SweptItem } from './item.repository.js';
import { sweeps } from './metrics.js';

const log = createLog('work-queue.sweeper', ['swept', 'sweep_failed']);
const BATCH = 1_000;
/** An owner that can renew has done so after a third of the lease (WQ-2). */
const RENEWALS_A_LEASE = 3;

/** Takes back what belongs to nobody (WQ-4): in every replica's loop, and by the `sweep` command of a CronJob. */
export class Sweeper {
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<SweptItem[]> | undefined;
  #deferring_since_ms: number | null = null;
  #swept_at_ms = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly database: Database,
    private readonly items: ItemRepository,
    private readonly interval_ms: number,
    private readonly onSwept: (items: readonly SweptItem[]) => void,
  ) {}

  start(): void {
    this.#timer = setInterval(() => {
      this.sweep().catch((error: unknown) => {
        log.warn('sweep_failed', { code: (error as { code?: string }).code });
      });
    }, this.interval_ms);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping?.catch(() => undefined);
  }

  /** For claim paths that find nothing: sweeps unless that was done within half an interval. */
  async sweepIfStale(): Promise<SweptItem[]> {
    return performance.now() - this.#swept_at_ms < this.interval_ms / 2 ? [] : this.sweep();
  }

  /** Sweeps until nothing is left; idempotent, and safe beside any other sweeper. */
  sweep(): Promise<SweptItem[]> {
    this.#sweeping ??= this.#sweepAll().finally(() => (this.#sweeping = undefined));
    return this.#sweeping;
  }

  /**
   * After an outage every lease may have ended, and every owner may live: they renew first. Not without end, or an outage
   * that comes and goes would keep what a crash has left.
   */
  #ownersFirst(): boolean {
    const { lease_ms } = this.items;
    const { writableForMs } = this.database;
    if (writableForMs === 0) return true;
    if (writableForMs >= lease_ms / RENEWALS_A_LEASE) this.#deferring_since_ms = null;
    else this.#deferring_since_ms ??= performance.now();
    return this.#deferring_since_ms !== null && performance.now() - this.#deferring_since_ms < lease_ms;
  }

  async #sweepAll(): Promise<SweptItem[]> {
    this.#swept_at_ms = performance.now();
    if (this.#ownersFirst()) return [];
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
