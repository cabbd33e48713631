import type { Database, Tx } from '@assay/postgres';
import type { WorkItem } from './item.js';
import type { ItemRepository } from './item.repository.js';
import { BIND_SLOTS, LOCK_SLOTS, MAKE_SLOTS } from './sql/slots.js';

/**
 * `max_active` of a queue (WQ-5): each item at work holds one of W rows, whichever process it is in. A claim locks as many
 * free rows as it wants items, takes no more items than it got rows, and writes its tokens into them. From then on the
 * table keeps the rows in step with the items (`keep_slot` in schema.ts).
 */
export class ActiveSlots {
  #made: Promise<number> | undefined;
  #full = false;

  constructor(
    private readonly database: Database,
    private readonly items: ItemRepository,
    private readonly queue: string,
    private readonly max_active: number,
  ) {}

  /** Whether the last claim found no slot: nothing can be claimed until one is given back, whatever is due. */
  get full(): boolean {
    return this.#full;
  }

  /** @param claim takes up to so many items in the transaction */
  async claim(limit: number, claim: (tx: Tx, limit: number) => Promise<WorkItem[]>): Promise<WorkItem[]> {
    this.#made ??= this.database.execute(MAKE_SLOTS, [this.queue, this.max_active]);
    await this.#made.catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    let claimed: WorkItem[] = [];
    try {
      await this.database.transaction(async (tx) => {
        const slots = await tx.query<{ slot: number }>(LOCK_SLOTS, [this.queue, this.max_active, limit]);
        this.#full = slots.length === 0;
        claimed = this.#full ? [] : await claim(tx, slots.length);
        if (claimed.length > 0) this.#bind(tx, claimed, slots);
      });
      return claimed;
    } catch (error) {
      // The commit's answer may be what was lost: then they are taken, and must be given back (WQ-4).
      for (const { lease } of claimed) this.items.unheard.set(lease.token, performance.now());
      throw error;
    }
  }

  #bind(tx: Tx, claimed: readonly WorkItem[], slots: readonly { slot: number }[]): void {
    const ids = claimed.map(({ id }) => id).sort();
    void tx.execute(BIND_SLOTS, [ids, slots.slice(0, ids.length).map(({ slot }) => slot), this.queue]);
  }
}
