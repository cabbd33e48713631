import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '@assay/contracts';
import type { Lease } from '@assay/work-queue';
import type { DeliveryRepository, IntentWish } from './delivery.repository.js';

interface Waiting {
  wish: IntentWish;
  lease: Lease;
  resolve: (recorded: boolean) => void;
  reject: (failure: Failure) => void;
}

const BATCH = 500;
const RETRY_MS = 100;

/**
 * Intents of sends that are about to begin share one statement and one commit: those that come while one is under way
 * go with the next. With Postgres away it tries again while the leases allow; the same intent may be written twice.
 */
export class IntentWriter {
  readonly #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  constructor(
    private readonly repository: DeliveryRepository,
    private readonly owner: string,
    private readonly send_timeout_ms: number,
  ) {}

  /** True once the intent is committed; false where the row may not be sent now. Rejects while Postgres is away. */
  record(wish: IntentWish, lease: Lease): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ wish, lease, resolve, reject });
      this.#flushing ??= this.#flush().finally(() => (this.#flushing = undefined));
    });
  }

  async #flush(): Promise<void> {
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) await this.#write(this.#waiting.splice(0, BATCH));
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    let left = batch;
    while (left.length > 0) {
      try {
        const recorded = await this.repository.recordIntents(
          this.owner,
          left.map(({ wish }) => wish),
        );
        for (const { wish, resolve } of left) resolve(recorded.has(wish.id));
        return;
      } catch (error) {
        const failure = Failure.from(error);
        // An intent whose lease is too short for a send is of no use any more.
        const useless = left.filter(({ lease }) => !failure.retryable || lease.remainingMs() <= this.send_timeout_ms);
        for (const { reject } of useless) reject(failure);
        left = left.filter((entry) => !useless.includes(entry));
        if (left.length > 0) await pause(RETRY_MS);
      }
    }
  }
}
