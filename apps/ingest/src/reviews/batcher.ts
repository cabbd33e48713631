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

/** Of what memory is set aside for, for one source where there are sources: it never fills the place of another. */
const SHARE = 0.5;

interface Waiting<Item, Result> {
  item: Item;
  source: string;
  bytes: number;
  /** It has its result, or was refused. */
  ended: boolean;
  resolve: (result: Result) => void;
  reject: (failure: Failure) => void;
}

/** What waits of one source. */
interface Queue<Item, Result> {
  entries: Waiting<Item, Result>[];
  bytes: number;
}

/** Refused before anything was tried: too much is waiting already. */
export const BATCHER_FULL = 'batcher_full';
/** Refused because its time was up: its commit may still come to a good end. */
export const BATCHER_LATE = 'batcher_late';
/** A commit that takes longer no longer keeps the next one waiting. Ten times what one takes. */
const LATE_COMMIT_MS = 100;

/**
 * Concurrent requests share one commit: while one is under way the next ones gather, and go together when it is done.
 * An idle batcher starts within the same turn of the event loop. Sources take turns within a batch, so that what one of
 * them has sent at once keeps no other waiting (ING-12); the items of one source keep their order.
 *
 * One commit at a time, for that makes the largest batches; but never behind one commit only. One that hangs, on a
 * connection that has gone silent or behind a lock, is joined by another after 100 ms (GEN-10).
 */
export class Batcher<Item, Result> {
  /** By source, in the order of their turns. */
  readonly #waiting = new Map<string, Queue<Item, Result>>();
  #waiting_bytes = 0;
  #commits = 0;
  /** The latest commit has been under way for long. */
  #late = false;
  #late_timer: NodeJS.Timeout | undefined;

  /**
   * @param commit results in the order of the items; the batch is all done or not at all
   * @param sourceOf whose item it is; without it all are of one, which may have all memory
   */
  constructor(
    private readonly commit: (items: Item[]) => Promise<Result[]>,
    private readonly options: BatcherOptions,
    private readonly sourceOf?: (item: Item) => string,
  ) {}

  /**
   * Rejects with a retryable `Failure` where nothing can be said of the item: after `within_ms` at the latest, if given,
   * whether or not its commit goes on.
   */
  submit(item: Item, bytes: number, within_ms?: number): Promise<Result> {
    const source = this.sourceOf?.(item) ?? '';
    if (!this.#hasRoom(source, bytes)) {
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
        ...{ item, source, bytes, ended: false },
        resolve: (result) => (end(), resolve(result)),
        reject: (failure) => (end(), reject(failure)),
      };
      this.#add(entry);
      this.#begin();
    });
  }

  /** One always has: what is larger than all that is set aside goes alone. */
  #hasRoom(source: string, bytes: number): boolean {
    const { max_waiting_bytes: most } = this.options;
    const own = this.#waiting.get(source)?.bytes ?? 0;
    if (this.sourceOf && own > 0 && own + bytes > most * SHARE) return false;
    return this.#waiting.size === 0 || this.#waiting_bytes + bytes <= most;
  }

  #add(entry: Waiting<Item, Result>): void {
    const queue = this.#waiting.get(entry.source) ?? { entries: [], bytes: 0 };
    queue.entries.push(entry);
    queue.bytes += entry.bytes;
    this.#waiting.set(entry.source, queue);
    this.#waiting_bytes += entry.bytes;
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
    if (this.#waiting.size === 0 || this.#commits >= (this.options.max_commits ?? 1)) return;
    this.#commits += 1;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.size > 0) {
      clearTimeout(this.#late_timer);
      this.#late = false;
      this.#late_timer = setTimeout(() => this.#join(), LATE_COMMIT_MS);
      await this.#settle(this.#next());
    }
    this.#commits -= 1;
    if (this.#commits === 0) clearTimeout(this.#late_timer);
  }

  /** One of each source in turn, and again; who has had a turn is the last for the next, in the next batch as well. */
  #next(): Waiting<Item, Result>[] {
    const { max_items, max_bytes } = this.options;
    const batch: Waiting<Item, Result>[] = [];
    let bytes = 0;
    while (batch.length < max_items) {
      const [turn] = this.#waiting;
      if (turn === undefined) break;
      const [source, queue] = turn;
      const entry = queue.entries[0]!;
      if (batch.length > 0 && bytes + entry.bytes > max_bytes) break;
      this.#remove(entry, 0);
      if (this.#waiting.delete(source)) this.#waiting.set(source, queue);
      batch.push(entry);
      bytes += entry.bytes;
    }
    return batch;
  }

  #remove(entry: Waiting<Item, Result>, place: number): void {
    const queue = this.#waiting.get(entry.source)!;
    queue.entries.splice(place, 1);
    queue.bytes -= entry.bytes;
    if (queue.entries.length === 0) this.#waiting.delete(entry.source);
    this.#waiting_bytes -= entry.bytes;
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
    const place = this.#waiting.get(entry.source)?.entries.indexOf(entry) ?? -1;
    if (place >= 0) this.#remove(entry, place);
    entry.reject(refusal(BATCHER_LATE, `nothing is known of it after ${within_ms} ms`));
  }
}

function refusal(code: string, message: string): Failure {
  return new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code, retryable: true, message });
}
