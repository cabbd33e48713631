import { expect } from '@jest/globals';
import type { Database } from '@assay/postgres';
import type { WorkItem } from './item.js';
import type { ItemRepository } from './item.repository.js';

/** What an item should look like now; `null` where nobody holds it. */
export interface ModelItem {
  id: string;
  priority: number;
  state: 'queued' | 'running';
  phase: 'work' | 'publish';
  attempts: number;
  crashes: number;
  owner: string | null;
  token: string | null;
  expired_token: string | null;
  /** Its lease has ended, and nobody has taken it back yet. */
  over: boolean;
  /** Due in an hour. */
  later: boolean;
  /** Items that became due one after the other. */
  due: number;
}

export interface Real {
  database: Database;
  owners: readonly ItemRepository[];
}

/** The queue as its rules say it is (WQ-1 to WQ-4), without a database. */
export class QueueModel {
  readonly items = new Map<string, ModelItem>();
  /** Every lease that was ever given, whatever has become of it. */
  readonly handles: WorkItem[] = [];
  readonly effects = new Map<string, number>();
  inserted = 0;
  #turn = 0;

  nextTurn(): number {
    return (this.#turn += 1);
  }

  /** What this lease still holds; undefined for a stale one. */
  heldBy({ id, lease }: WorkItem): ModelItem | undefined {
    const item = this.items.get(id);
    return item?.state === 'running' && item.owner === lease.owner && item.token === lease.token ? item : undefined;
  }

  /** Leases of one owner by how old they are, 0 the newest; at most one of each item. */
  handlesOf(owner: string, picks: readonly number[]): WorkItem[] {
    const own = this.handles.filter(({ lease }) => lease.owner === owner).reverse();
    const picked = own.length === 0 ? [] : picks.map((pick) => own[pick % own.length]!);
    return picked.filter(({ id }, at) => picked.findIndex((other) => other.id === id) === at);
  }

  take(item: ModelItem, handle: WorkItem): void {
    Object.assign(item, { state: 'running', owner: handle.lease.owner, token: handle.lease.token });
    Object.assign(item, { over: false, expired_token: null });
    this.handles.push(handle);
  }

  queue(item: ModelItem, later: boolean, due: number): void {
    Object.assign(item, { state: 'queued', owner: null, token: null, over: false, later, due });
  }

  /** Queued and due, ordered as a claim has to take them. */
  due(which: (item: ModelItem) => boolean): ModelItem[] {
    const due = [...this.items.values()].filter((item) => item.state === 'queued' && !item.later && which(item));
    return due.sort((a, b) => b.priority - a.priority || a.due - b.due);
  }
}

/** The table is what the model says, row by row. */
export async function expectSame(model: QueueModel, { database }: Real): Promise<void> {
  const rows = await database.query<{ id: string }>(
    `SELECT id, priority, state, phase, attempts, crashes, claimed_by AS owner, lease_token AS token, expired_token,
       coalesce(lease_expires_at < clock_timestamp(), false) AS over, due_at > clock_timestamp() + interval '1 min' AS later
     FROM work_items ORDER BY id`,
  );
  const expected = [...model.items.values()].map(({ due: _due, ...item }) => item);
  expect(rows).toEqual(expected.sort((a, b) => (a.id < b.id ? -1 : 1)));
  for (const [id, effects] of model.effects) expect([id, effects]).toEqual([id, 1]);
}
