import { observableGauge } from '@assay/observability';
import type { Labels, Observation } from '@assay/observability';
import type { Database } from '@assay/postgres';
import type { ItemRepository, QueueDepth } from './item.repository.js';

interface Series {
  labels: Labels;
  items: number;
  oldest_s: number;
}

/** How much stands in the queues, and for how long (OBS-2). */
export class QueueGauges {
  /** Of the queues that are known, and of whatever else stood in the table once: what has emptied is reported as 0. */
  readonly #series = new Map<string, Series>();
  #reading: Promise<void> | undefined;
  #ends: (() => void)[] = [];

  constructor(
    private readonly database: Database,
    private readonly items: ItemRepository,
  ) {}

  /** A queue of this process: its series stand at 0 from the first reading on, so that nobody has to wait for one. */
  know(queue: string): void {
    for (const phase of ['work', 'publish']) {
      for (const state of ['queued', 'running']) this.#report(queue, phase, state, 0, 0);
    }
  }

  start(): void {
    this.#ends = [
      observableGauge(
        'assay_work_items',
        'Items by queue, phase and state; of queued ones, 10,000 stands for as many and more',
        () => this.#read('items'),
      ),
      observableGauge('assay_work_oldest_seconds', 'Age of the oldest due time by queue, phase and state', () =>
        this.#read('oldest_s'),
      ),
    ];
  }

  stop(): void {
    for (const end of this.#ends) end();
  }

  /** Both gauges are asked at once when the metrics are read, and share one look at the table. */
  async #read(value: 'items' | 'oldest_s'): Promise<Observation[]> {
    this.#reading ??= this.#look().finally(() => (this.#reading = undefined));
    await this.#reading;
    return [...this.#series.values()].map((series) => ({ value: series[value], labels: series.labels }));
  }

  async #look(): Promise<void> {
    const rows: QueueDepth[] = await this.items.depth(this.database);
    for (const series of this.#series.values()) Object.assign(series, { items: 0, oldest_s: 0 });
    for (const { queue, phase, state, items, oldest_s } of rows) {
      this.#report(queue, phase, state, items, oldest_s);
    }
  }

  #report(queue: string, phase: string, state: string, items: number, oldest_s: number): void {
    this.#series.set(`${queue} ${phase} ${state}`, { labels: { queue, phase, state }, items, oldest_s });
  }
}
