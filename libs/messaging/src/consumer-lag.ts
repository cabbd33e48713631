import { observableGauge } from '@assay/observability';
import type { Batch } from 'kafkajs';

/** Records that a partition holds and this replica has not handled, as of its last fetch. */
export class ConsumerLag {
  readonly #partitions = new Map<string, { type: string; partition: number; high_watermark: number; next: number }>();
  #end: (() => void) | undefined;

  start(): void {
    this.#end ??= observableGauge('assay_kafka_consumer_lag_records', 'Records not yet handled, by partition', () =>
      [...this.#partitions.values()].map(({ type, partition, high_watermark, next }) => ({
        value: Math.max(0, high_watermark - next),
        labels: { type, partition: String(partition) },
      })),
    );
  }

  stop(): void {
    this.#end?.();
    this.#end = undefined;
  }

  /** A batch was fetched: what lies from its first record to the end of the partition is still to do. */
  fetched(type: string, { topic, partition, highWatermark, messages }: Batch): void {
    this.#partitions.set(`${topic}/${partition}`, {
      ...{ type, partition },
      high_watermark: Number(highWatermark),
      next: Number(messages[0]?.offset ?? highWatermark),
    });
  }

  /** Everything up to and with `offset` is done. */
  handled(topic: string, partition: number, offset: string): void {
    const known = this.#partitions.get(`${topic}/${partition}`);
    if (known) known.next = Number(offset) + 1;
  }

  /** Others report the partitions that are theirs now. */
  keepOnly(assignment: Record<string, number[]>): void {
    for (const key of this.#partitions.keys()) {
      const slash = key.lastIndexOf('/');
      if (!assignment[key.slice(0, slash)]?.includes(Number(key.slice(slash + 1)))) this.#partitions.delete(key);
    }
  }

  get total(): number {
    let sum = 0;
    for (const { high_watermark, next } of this.#partitions.values()) sum += Math.max(0, high_watermark - next);
    return sum;
  }
}
