import { createLog } from '@assay/observability';
import type { Database } from '@assay/postgres';
import type { WorkItem } from './item.js';
import type { ItemRepository } from './item.repository.js';
import { leaseLosses } from './metrics.js';

const log = createLog('work-queue.leases', ['lease_lost', 'renewal_failed', 'claims_given_back']);
const RENEWAL_BATCH = 1_000;

/** Renews, at a third of the lease, whatever this process holds (WQ-2), and tells owners when they have lost it. */
export class LeaseKeeper {
  readonly #held = new Map<string, WorkItem>();
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly items: ItemRepository,
    /** Of a lease, after which it is renewed (WQ-2). */
    private readonly renewal_share = 1 / 3,
  ) {}

  hold(items: readonly WorkItem[]): void {
    for (const item of items) this.#held.set(item.id, item);
  }

  drop(items: readonly WorkItem[]): void {
    for (const item of items) if (this.#holds(item)) this.#held.delete(item.id);
  }

  /** The item may have come back to this process under another lease: that one is still to be renewed. */
  #holds({ id, lease }: WorkItem): boolean {
    return this.#held.get(id)?.lease === lease;
  }

  get size(): number {
    return this.#held.size;
  }

  start(): void {
    // Looking twice as often as renewing is due: a renewal is late by half of its share at most.
    this.#timer = setInterval(() => void this.tick(), (this.items.lease_ms * this.renewal_share) / 2);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    await this.#giveBackUnheard();
  }

  /** One look; renews what has used up its share of the lease. */
  tick(): Promise<void> {
    this.#renewing ??= this.#look().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  async #look(): Promise<void> {
    await this.#renewDue();
    await this.#giveBackUnheard();
  }

  /**
   * Claims whose answers were lost took items that nobody works on: they go back before their leases end (WQ-4). Looked
   * for at each look for as long as a lease: a claim whose connection was cut may still wait at the server for its turn.
   */
  async #giveBackUnheard(): Promise<void> {
    const unheard = [...this.items.unheard];
    if (unheard.length === 0) return;
    const asked_at_ms = performance.now();
    try {
      const items = await this.items.releaseUnheard(
        this.database,
        unheard.map(([token]) => token),
      );
      if (items > 0) log.info('claims_given_back', { items });
      for (const [token, lost_at_ms] of unheard) {
        if (asked_at_ms - lost_at_ms > this.items.lease_ms) this.items.unheard.delete(token);
      }
    } catch (error) {
      log.warn('renewal_failed', { claims: unheard.length, code: (error as { code?: string }).code });
    }
  }

  async #renewDue(): Promise<void> {
    const least_ms = this.items.lease_ms * (1 - this.renewal_share);
    const due = [...this.#held.values()].filter(({ lease }) => lease.remainingMs() <= least_ms);
    for (let start = 0; start < due.length; start += RENEWAL_BATCH) {
      const batch = due.slice(start, start + RENEWAL_BATCH);
      const sent_at_ms = performance.now();
      try {
        const renewed = await this.items.renew(this.database, batch);
        for (const { id, lease } of batch) if (renewed.has(id)) lease.confirm(sent_at_ms);
        await this.lose(batch.filter((item) => !renewed.has(item.id) && this.#holds(item)));
      } catch (error) {
        // Nothing is lost by this: the lease runs on, and what depends on it asks how much of it is left (DEL-14).
        log.warn('renewal_failed', { items: batch.length, code: (error as { code?: string }).code });
      }
    }
  }

  /** These items belong to another by now. Their owner lives, so the expiry was no crash (WQ-4). */
  async lose(items: readonly WorkItem[]): Promise<void> {
    if (items.length === 0) return;
    for (const { lease } of items) lease.markLost();
    this.drop(items);
    leaseLosses.add(items.length, { queue: items[0]!.queue });
    log.warn('lease_lost', { queue: items[0]!.queue, items: items.length, first_subject_id: items[0]!.subject_id });
    await this.items.forgive(this.database, items).catch((error: unknown) => {
      log.warn('renewal_failed', { items: items.length, code: (error as { code?: string }).code });
    });
  }
}
