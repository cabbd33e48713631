import { Failure } from '@assay/contracts';

export interface BatcherOptions {
  /** Items of one commit at most. */
  max_items: number;
  /** Bytes of one commit at most; a single item may be larger and then goes alone. */
  max_bytes: number;
  /** Bytes that may wait for their turn; what comes above is refused at once. */
  max_waiting_bytes: number;
}

interface Waiting<Item, Result> {
  item: Item;
  bytes: number;
  resolve: (result: Result) => void;
  reject: (reason: unknown) => void;
}

/** Refused before anything was tried: too much is waiting already. */
export const BATCHER_FULL = 'batcher_full';

/**
 * Concurrent requests share one commit: while one is under way the next ones gather, and go together when it is done.
 * There is no timer: an idle batcher starts within the same turn of the event loop.
 *
 * A batch that is refused for what stands in it (a failure that no retry mends) is halved until the culprit is alone,
 * so that no neighbour fails with it (ING-10). A retryable failure is everybody's: Postgres is away.
 */
export class Batcher<Item, Result> {
  readonly #waiting: Waiting<Item, Result>[] = [];
  #waiting_bytes = 0;
  #busy = false;

  constructor(
    private readonly commit: (items: Item[]) => Promise<Result[]>,
    private readonly options: BatcherOptions,
  ) {}

  submit(item: Item, bytes: number): Promise<Result> {
    if (this.#waiting.length > 0 && this.#waiting_bytes + bytes > this.options.max_waiting_bytes) {
      const message = 'more submissions are waiting to be stored than memory is set aside for';
      const refusal = { error_class: 'DEPENDENCY_UNAVAILABLE', code: BATCHER_FULL, retryable: true, message } as const;
      return Promise.reject(new Failure(refusal));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, bytes, resolve, reject });
      this.#waiting_bytes += bytes;
      if (this.#busy) return;
      this.#busy = true;
      // At the end of this turn: requests that the same read brought in go together.
      setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#settle(this.#next());
    this.#busy = false;
  }

  #next(): Waiting<Item, Result>[] {
    const { max_items, max_bytes } = this.options;
    let bytes = 0;
    let count = 0;
    for (const { bytes: own } of this.#waiting) {
      if (count === max_items || (count > 0 && bytes + own > max_bytes)) break;
      bytes += own;
      count += 1;
    }
    this.#waiting_bytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  async #settle(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.commit(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(results[index]!));
    } catch (error) {
      if (batch.length === 1 || Failure.from(error).retryable) {
        for (const { reject } of batch) reject(error);
        return;
      }
      const half = batch.length >> 1;
      await this.#settle(batch.slice(0, half));
      await this.#settle(batch.slice(half));
    }
  }
}
