import { setTimeout as pause } from 'node:timers/promises';
import type { Failure } from '@assay/contracts';
import { oneByOne } from '@assay/work-queue';
import type { Lease } from '@assay/work-queue';
import type { DeliveryRepository, IntentWish } from './delivery.repository.js';

interface Waiting {
  wish: IntentWish;
  lease: Lease;
  resolve: (first_attempt_at: string | null) => void;
  reject: (failure: Failure) => void;
}

const BATCH = 500;
const RETRY_MS = 100;

/**
 * Intents of sends that are about to begin share one statement and one commit: those that come while one is under way
 * go with the next. With Postgres away it tries again while the leases allow; the same intent may be written twice, and one
 * that is refused here may have been written, for it may be the answer that was lost.
 */
export class IntentWriter {
  readonly #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  constructor(
    private readonly repository: DeliveryRepository,
    private readonly owner: string,
    private readonly send_timeout_ms: number,
  ) {}

  /**
   * Resolves once the intent is committed, with the time of the generation's first attempt; with null where the row may
   * not be sent now. Rejects while Postgres is away.
   */
  record(wish: IntentWish, lease: Lease): Promise<string | null> {
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
    for (let waiting = batch; waiting.length > 0;) {
      const left = await oneByOne(
        waiting,
        (some) => this.#record(some),
        ({ reject }, failure) => reject(failure),
      );
      if (left === null) return;
      // An intent whose lease is too short for a send is of no use any more.
      const [useful, useless] = partition(left.units, ({ lease }) => lease.remainingMs() > this.send_timeout_ms);
      for (const { reject } of useless) reject(left.failure);
      if (useful.length > 0) await pause(RETRY_MS);
      waiting = useful;
    }
  }

  async #record(batch: readonly Waiting[]): Promise<void> {
    const recorded = await this.repository.recordIntents(
      this.owner,
      batch.map(({ wish }) => wish),
    );
    for (const { wish, resolve } of batch) resolve(recorded.get(wish.id) ?? null);
  }
}

function partition<T>(all: readonly T[], holds: (each: T) => boolean): [T[], T[]] {
  const sides: [T[], T[]] = [[], []];
  for (const each of all) sides[holds(each) ? 0 : 1].push(each);
  return sides;
}
