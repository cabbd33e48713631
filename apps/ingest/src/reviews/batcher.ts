import { Failure } from '@assay/contracts';
import { oneByOne } from '@assay/work-queue';

export interface BatcherOptions {
  /** Items of one commit at most. */
  max_items: number;
  /** Bytes of one commit at most; a single item may be larger and then goes alone. */
  max_bytes: number;
  /** Bytes that may wait for their turn; what comes above is refused at once. */
  max_waiting_bytes: number;
  /** Commits that may be under way at once, where none of them comes to an end. Default 1. */
  max_commits?: number;
}

interface Waiting<Item, Result> {
  item: Item;
  bytes: number;
  /** It has its result, or was refused. */
  ended: boolean;
  resolve: (result: Result) => void;
  reject: (failure: Failure) => void;
}

/** Refused before anything was tried: too much is waiting already. */
export const BATCHER_FULL = 'batcher_full';
/** Refused because its time was up: its commit may still come to a good end. */
export const BATCHER_LATE = 'batcher_late';
/** A commit that takes longer no longer keeps the next one waiting. Ten times what one takes. */
const LATE_COMMIT_MS = 100;

/**
 * Concurrent requests share one commit: while one is under way the next ones gather, and go together when it is done.
 * An idle batcher starts within the same turn of the event loop.
 *
 * One commit at a time, for that makes the largest batches; but never behind one commit only. One that hangs, on a
 * connection that has gone silent or behind a lock, is joined by another after 100 ms (GEN-10).
 */
export class Batcher<Item, Result> {
  readonly #waiting: Waiting<Item, Result>[] = [];
  #waiting_bytes = 0;
  #commits = 0;
  /** The latest commit has been under way for long. */
  #late = false;
  #late_timer: NodeJS.Timeout | undefined;

  /** @param commit results in the order of the items; the batch is all done or not at all */
  constructor(
    private readonly commit: (items: Item[]) => Promise<Result[]>,
    private readonly options: BatcherOptions,
  ) {}

  /**
   * Rejects with a retryable `Failure` where nothing can be said of the item: after `within_ms` at the latest, if given,
   * whether or not its commit goes on.
   */
  submit(item: Item, bytes: number, within_ms?: number): Promise<Result> {
    if (this.#waiting.length > 0 && this.#waiting_bytes + bytes > this.options.max_waiting_bytes) {
      return Promise.reject(
        refusal(BATCHER_FULL, 'more submissions are waiting to be stored than memory is set aside for'),
      );
    }
    return new Promise((resolve, reject) => {
      const timer = within_ms === undefined ? undefined : setTimeout(() => this.#expire(entry, within_ms), within_ms);
      const end = (): void => {
        entry.ended = true;
        clearTimeout(timer);
      };
      const entry: Waiting<Item, Result> = {
        ...{ item, bytes, ended: false },
        resolve: (result) => (end(), resolve(result)),
        reject: (failure) => (end(), reject(failure)),
      };
      this.#waiting.push(entry);
      this.#waiting_bytes += bytes;
      this.#begin();
    });
  }

  #begin(): void {
    if (this.#commits === 0) {
      this.#commits = 1;
      // At the end of this turn: requests that the same read brought in go together.
      setImmediate(() => void this.#drain());
    } else if (this.#late) this.#join();
  }

  /** One more commit beside those that hang. */
  #join(): void {
    this.#late = true;
    if (this.#waiting.length === 0 || this.#commits >= (this.options.max_commits ?? 1)) return;
    this.#commits += 1;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      clearTimeout(this.#late_timer);
      this.#late = false;
      this.#late_timer = setTimeout(() => this.#join(), LATE_COMMIT_MS);
      await this.#settle(this.#next());
    }
    this.#commits -= 1;
    if (this.#commits === 0) clearTimeout(this.#late_timer);
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

  async #settle(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const left = await oneByOne(
      batch,
      async (entries) => {
        const open = entries.filter(({ ended }) => !ended);
        if (open.length === 0) return;
        const results = await this.commit(open.map(({ item }) => item));
        open.forEach(({ resolve }, index) => resolve(results[index]!));
      },
      ({ reject }, failure) => reject(failure),
    );
    for (const { reject } of left?.units ?? []) reject(left!.failure);
  }

  #expire(entry: Waiting<Item, Result>, within_ms: number): void {
    const place = this.#waiting.indexOf(entry);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      this.#waiting_bytes -= entry.bytes;
    }
    entry.reject(refusal(BATCHER_LATE, `nothing is known of it after ${within_ms} ms`));
  }
}

function refusal(code: string, message: string): Failure {
  return new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code, retryable: true, message });
}
