/** Priorities 0 to 9. */
const PRIORITIES = 10;
/** A transaction that creates items is over by then, as a rule: until then what is due may still come to be seen. */
const LATE_S = 1;
/** At least between two claims that begin at the very start, and at most, whatever they cost. */
const [WHOLE_MS, LONGEST_WHOLE_MS] = [1_000, 60_000];
/** They are to take no more than one twentieth of a worker's time. */
const SHARE = 20;

const FROM_THE_START: readonly number[] = Array.from({ length: PRIORITIES }, () => Number.NEGATIVE_INFINITY);

/** What a claim tells of each item that it took, in seconds since 1970 by the database's clock. */
export interface ClaimedAt {
  priority: number;
  due_s: number;
  now_s: number;
}

/**
 * Where a worker's next claim begins to read, by priority (WQ-7). What was claimed and deleted stays in the index until it
 * can be cleared away, and while some transaction is older than that it cannot: a claim that begins at the start steps
 * over all of it. This worker has taken what was due before the last item that it claimed, so it need not look there.
 *
 * But something may be there all the same: items whose transaction committed late, that another worker had locked and let
 * go, whose crash was forgiven. So what was due in the last second is always read, and once a second a claim begins at
 * the start, less often the more that costs.
 */
export class ClaimFloors {
  #floors = [...FROM_THE_START];
  #whole_at_ms = Number.NEGATIVE_INFINITY;
  #whole_every_ms = WHOLE_MS;
  #whole = true;

  constructor(private readonly now = () => performance.now()) {}

  /** Milliseconds until a claim begins at the start again, after one that did not; null after one that did. */
  get wholeInMs(): number | null {
    return this.#whole ? null : Math.max(0, this.#whole_at_ms + this.#whole_every_ms - this.now());
  }

  /** Of the claim that is to come, by priority: nothing that is due before is read. */
  next(): readonly number[] {
    this.#whole = this.now() - this.#whole_at_ms >= this.#whole_every_ms;
    if (this.#whole) this.#whole_at_ms = this.now();
    return this.current;
  }

  /** Of the last claim, for what is asked after it. */
  get current(): readonly number[] {
    return this.#whole ? FROM_THE_START : this.#floors;
  }

  /** What that claim took. */
  took(claimed: readonly ClaimedAt[]): void {
    for (const { due_s, now_s, priority } of claimed) {
      const floor = Math.min(due_s, now_s - LATE_S);
      this.#floors[priority] = Math.max(this.#floors[priority]!, floor);
    }
    if (!this.#whole) return;
    const cost_ms = this.now() - this.#whole_at_ms;
    this.#whole_every_ms = Math.min(LONGEST_WHOLE_MS, Math.max(WHOLE_MS, cost_ms * SHARE));
  }
}
