import { createLog } from '@assay/observability';
import type { Database } from '@assay/postgres';
import type { WorkItem } from './item.js';
import type { ItemRepository } from './item.repository.js';
import type { LeaseKeeper } from './lease-keeper.js';

const log = createLog('work-queue.acknowledged', ['removing_failed']);

const REMOVE_AFTER_MS = 100;
const REMOVE_BATCH = 500;

/**
 * Items of whose events Kafka has acknowledged all, until they are deleted: gathered for a moment and in batches, without
 * waiting for the disk. A delete that is lost costs a duplicate event, which consumers ignore.
 */
export class AcknowledgedItems {
  #waiting: WorkItem[] = [];
  #removing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly items: ItemRepository,
    private readonly leases: LeaseKeeper,
  ) {}

  add(item: WorkItem): void {
    this.#waiting.push(item);
    this.#removeSoon();
  }

  /** Deletes what is there. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#removing;
    await this.#remove();
  }

  #removeSoon(): void {
    if (this.#removing || this.#timer || this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#removing = this.#remove().finally(() => {
        this.#removing = undefined;
        this.#removeSoon();
      });
    }, REMOVE_AFTER_MS);
  }

  async #remove(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, REMOVE_BATCH);
      try {
        await this.items.removeAcknowledged(this.database, batch);
      } catch (error) {
        log.warn('removing_failed', { items: batch.length, code: (error as { code?: string }).code });
      }
      this.leases.drop(batch);
    }
  }
}
