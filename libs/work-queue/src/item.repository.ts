import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { packBodies } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { ClaimFloors } from './claim-floors.js';
import type { ClaimedAt } from './claim-floors.js';
import type { NewItem, Phase, WorkItem } from './item.js';
import { Lease } from './lease.js';
import { ADVANCE } from './sql/advance.js';
import { CLAIM_DUE } from './sql/claim-due.js';
import { CLAIM_LANES } from './sql/claim-lanes.js';
import { CLAIM_SUSPECT } from './sql/claim-suspect.js';
import { CLAIM_UNPUBLISHED } from './sql/claim-unpublished.js';
import type { ItemRow } from './sql/columns.js';
import { DEPTH, DEPTH_CAP } from './sql/depth.js';
import { FORGIVE } from './sql/forgive.js';
import { INSERT_ITEMS } from './sql/insert-items.js';
import { MARK_LANES } from './sql/lanes.js';
import { LOCK_OWNED } from './sql/lock-owned.js';
import { MAKE_DUE } from './sql/make-due.js';
import { NEXT_DUE_PUBLISH, NEXT_DUE_WORK } from './sql/next-due.js';
import { PUT_BACK } from './sql/put-back.js';
import { REMOVE, REMOVE_ACKNOWLEDGED, REMOVE_LOCKED } from './sql/remove.js';
import { RELEASE_UNHEARD } from './sql/release-unheard.js';
import { RENEW } from './sql/renew.js';
import { SWEEP } from './sql/sweep.js';

export interface SweptItem {
  queue: string;
  phase: Phase;
  crashes: number;
  subject_id: string;
}

export interface QueueDepth {
  queue: string;
  phase: Phase;
  state: 'queued' | 'running';
  items: number;
  oldest_s: number;
}

export interface LockedItem {
  /** `publish`: its effect is stored (WQ-10). */
  phase: Phase;
  /** Then its events, where the item itself holds them ({@link encodeEvents}); else null. */
  events: Buffer | null;
}

export interface PutBack {
  item: WorkItem;
  due_in_ms: number;
  /** Whether this was a failed attempt. */
  attempt_failed: boolean;
  /** Null or absent: as it was. */
  overdue_in_ms?: number | null;
}

/** A lane of a claim. */
export interface AskedLane {
  lane: string;
  /** Of how many items it may be given at most. */
  room: number;
  /** The source that had the last turn in it; '' where none had. */
  after: string;
  /** What no circuit holds back any longer, and nothing else. */
  overdue: boolean;
}

/** What a claim may take of payloads. */
export interface ByteRoom {
  bytes: number;
  /** The first payload may be larger: nothing else is held. */
  alone: boolean;
}

const BOUNDLESS: ByteRoom = { bytes: Number.MAX_SAFE_INTEGER, alone: true };

export interface Advance {
  item: WorkItem;
  payload: Buffer | null;
}

/** The table of leased work items: one method a statement. Every guarded method locks rows in id order (WQ-3). */
export class ItemRepository {
  constructor(
    /** Names this process in `claimed_by`. */
    readonly owner: string,
    readonly lease_ms: number,
    /** Seconds of waiting that count as much as one priority (WQ-1). */
    private readonly priority_ageing_s: number,
  ) {}

  /** Creates items in the caller's transaction; the first `claimed` of them belong to this process from the start. */
  insert(tx: Tx, items: readonly NewItem[], claimed: number): WorkItem[] {
    if (items.length === 0) return [];
    const sent_at_ms = performance.now();
    const token = randomUUID();
    const ids = items.map(() => uuidv7());
    const bodies = packBodies(items.map((item) => item.payload ?? EMPTY));
    // Before the items, so that no mark is later than they are.
    markLanes(tx, items.slice(claimed));
    void tx.execute(INSERT_ITEMS, [
      ids,
      items.map((item) => item.queue),
      items.map((item) => item.subject_id),
      items.map((item) => item.generation),
      items.map((item) => item.priority),
      items.map((item) => item.phase),
      items.map((item) => item.due_in_ms ?? 0),
      items.map((item) => item.correlation_id),
      items.map((item) => item.traceparent),
      bodies.packed,
      bodies.offsets,
      items.map((item) => item.payload?.length ?? -1),
      claimed,
      this.owner,
      token,
      this.lease_ms,
      items.map((item) => item.lane ?? null),
      items.map((item) => item.source ?? null),
      items.map((item) => item.overdue_in_ms ?? null),
    ]);
    return items.map((item, index) =>
      newWorkItem(ids[index]!, item, new Lease(this.owner, token, this.lease_ms, sent_at_ms)),
    );
  }

  /**
   * Tokens of claims whose answers were lost, and when, by the monotonic clock: they may have taken items of which nobody
   * here knows, or may still do so. The lease keeper gives those back.
   */
  readonly unheard = new Map<string, number>();

  /** Without `floors` it reads from the start; without `room` payloads are not counted. */
  claimDue(
    tx: Tx,
    queue: string,
    limit: number,
    { floors = new ClaimFloors(), room = BOUNDLESS }: { floors?: ClaimFloors; room?: ByteRoom } = {},
  ): Promise<WorkItem[]> {
    return this.#claim(async (token) => {
      const lease = [this.owner, token, this.lease_ms];
      const params = [queue, limit, this.priority_ageing_s, ...lease, floors.next(), room.bytes, room.alone];
      const rows = await tx.query<ItemRow & ClaimedAt>(CLAIM_DUE, params);
      floors.took(rows);
      return rows.map(({ due_s: _due_s, now_s: _now_s, ...row }) => row);
    });
  }

  claimLanes(tx: Tx, queue: string, asked: readonly AskedLane[]): Promise<WorkItem[]> {
    return this.#claim((token) =>
      tx.query<ItemRow>(CLAIM_LANES, [
        queue,
        asked.map(({ lane }) => lane),
        asked.map(({ room }) => room),
        asked.map(({ after }) => after),
        asked.map(({ overdue }) => overdue),
        this.priority_ageing_s,
        this.owner,
        token,
        this.lease_ms,
      ]),
    );
  }

  /** @param asked of a queue with lanes, those that have room */
  claimSuspect(tx: Tx, queue: string, asked: readonly AskedLane[] = []): Promise<WorkItem[]> {
    const lanes = (overdue: boolean) => asked.filter((each) => each.overdue === overdue).map(({ lane }) => lane);
    return this.#claim((token) =>
      tx.query<ItemRow>(CLAIM_SUSPECT, [queue, this.owner, token, this.lease_ms, lanes(false), lanes(true)]),
    );
  }

  claimUnpublished(tx: Tx, limit: number, room = BOUNDLESS): Promise<WorkItem[]> {
    return this.#claim((token) =>
      tx.query<ItemRow>(CLAIM_UNPUBLISHED, [limit, this.owner, token, this.lease_ms, room.bytes, room.alone]),
    );
  }

  /** Each item that is still owned, by id; locked for the rest of the transaction. */
  async lockOwned(tx: Tx, items: readonly WorkItem[]): Promise<Map<string, LockedItem>> {
    const rows = await tx.query<LockedItem & { id: string }>(LOCK_OWNED, this.#guard(items));
    return new Map(rows.map(({ id, ...locked }) => [id, locked]));
  }

  /** Gives back what claims under these tokens took, without charging a crash. Returns how many items they had taken. */
  async releaseUnheard(tx: Tx, tokens: readonly string[]): Promise<number> {
    return (await tx.query(RELEASE_UNHEARD, [tokens])).length;
  }

  /** Moves items that this transaction has locked to phase `publish`; a payload of null drops the old one. */
  advanceLocked(tx: Tx, items: readonly Advance[]): void {
    if (items.length > 0) void tx.execute(ADVANCE, this.#advance(items));
  }

  /** The same for one item, whether it is still owned or not; returns whether it was. */
  async advanceOwned(tx: Tx, item: Advance): Promise<boolean> {
    return (await tx.execute(ADVANCE, this.#advance([item]))) === 1;
  }

  /** Returns when each item is due again, by id. */
  async putBack(tx: Tx, entries: readonly PutBack[]): Promise<Map<string, string>> {
    if (entries.length === 0) return new Map();
    const ordered = inIdOrder(entries, ({ item }) => item.id);
    const rows = await tx.query<{ id: string; due_at: string }>(PUT_BACK, [
      ...this.#guard(ordered.map(({ item }) => item)),
      ordered.map(({ due_in_ms }) => due_in_ms),
      ordered.map(({ attempt_failed }) => (attempt_failed ? 1 : 0)),
      ordered.map(({ overdue_in_ms }) => overdue_in_ms ?? null),
    ]);
    return new Map(rows.map(({ id, due_at }) => [id, due_at]));
  }

  async renew(tx: Tx, items: readonly WorkItem[]): Promise<Set<string>> {
    return idsOf(await tx.query<{ id: string }>(RENEW, [...this.#guard(items), this.lease_ms]));
  }

  async remove(tx: Tx, items: readonly WorkItem[]): Promise<Set<string>> {
    if (items.length === 0) return new Set();
    return idsOf(await tx.query<{ id: string }>(REMOVE, this.#guard(items)));
  }

  /** Of items that this transaction has locked. */
  removeLocked(tx: Tx, items: readonly WorkItem[]): void {
    if (items.length > 0) void tx.execute(REMOVE_LOCKED, this.#guard(items));
  }

  /** Without waiting for the disk: see {@link REMOVE_ACKNOWLEDGED}. */
  async removeAcknowledged(tx: Tx, items: readonly WorkItem[]): Promise<void> {
    if (items.length > 0) await tx.execute(REMOVE_ACKNOWLEDGED, this.#guard(items));
  }

  /** Takes back the crash that was charged for an expiry whose owner lives (WQ-4). */
  async forgive(tx: Tx, items: readonly WorkItem[]): Promise<number> {
    if (items.length === 0) return 0;
    const [ids, tokens] = this.#guard(items);
    return tx.execute(FORGIVE, [ids, tokens]);
  }

  sweep(tx: Tx, limit: number): Promise<SweptItem[]> {
    return tx.query<SweptItem>(SWEEP, [limit]);
  }

  /** Returns the subjects whose items waited and are due now. */
  async makeDue(tx: Tx, queue: string, subject_ids: readonly string[]): Promise<string[]> {
    const rows = await tx.query<{ subject_id: string }>(MAKE_DUE, [queue, subject_ids]);
    return rows.map(({ subject_id }) => subject_id);
  }

  /** As the last claim with these `floors` has seen it. */
  async nextDueMs(tx: Tx, queue: string, floors = new ClaimFloors()): Promise<number | null> {
    const [row] = await tx.query<{ due_in_ms: number | null }>(NEXT_DUE_WORK, [queue, floors.current]);
    return row?.due_in_ms ?? null;
  }

  async nextPublishDueMs(tx: Tx): Promise<number | null> {
    const [row] = await tx.query<{ due_in_ms: number | null }>(NEXT_DUE_PUBLISH);
    return row?.due_in_ms ?? null;
  }

  /** What is queued is counted to {@link DEPTH_CAP} for each queue and phase; all else is exact. */
  depth(tx: Tx): Promise<QueueDepth[]> {
    return tx.query<QueueDepth>(DEPTH, [DEPTH_CAP]);
  }

  #advance(items: readonly Advance[]): unknown[] {
    const ordered = inIdOrder(items, ({ item }) => item.id);
    const bodies = packBodies(ordered.map(({ payload }) => payload ?? EMPTY));
    return [
      ...this.#guard(ordered.map(({ item }) => item)),
      bodies.packed,
      bodies.offsets,
      ordered.map(({ payload }) => payload?.length ?? -1),
      this.lease_ms,
    ];
  }

  #guard(items: readonly WorkItem[]): [string[], string[], string] {
    const ordered = inIdOrder(items, ({ id }) => id);
    return [ordered.map(({ id }) => id), ordered.map(({ lease }) => lease.token), this.owner];
  }

  async #claim(query: (token: string) => Promise<ItemRow[]>): Promise<WorkItem[]> {
    const sent_at_ms = performance.now();
    const token = randomUUID();
    const rows = await query(token).catch((error: unknown) => {
      this.unheard.set(token, performance.now());
      throw error;
    });
    rows.sort((a, b) => a.place - b.place || (a.id < b.id ? -1 : 1));
    return rows.map(({ place: _place, ...row }) => ({
      ...row,
      lease: new Lease(this.owner, token, this.lease_ms, sent_at_ms),
    }));
  }
}

const EMPTY = Buffer.alloc(0);

function newWorkItem(id: string, item: NewItem, lease: Lease): WorkItem {
  const { queue, lane, source, subject_id, generation, priority, phase, payload, correlation_id, traceparent } = item;
  return {
    id,
    queue,
    lane: lane ?? null,
    source: source ?? null,
    subject_id,
    generation,
    priority,
    phase,
    attempts: 0,
    crashes: 0,
    first_failure_at: null,
    correlation_id,
    traceparent,
    payload: payload ?? null,
    lease,
  };
}

/** Of what is queued, and not born claimed (WQ-9); of queues without lanes there is nothing to mark. */
function markLanes(tx: Tx, queued: readonly NewItem[]): void {
  const laned = queued.filter(({ lane, phase }) => lane !== undefined && phase === 'work');
  if (laned.length === 0) return;
  void tx.execute(MARK_LANES, [
    laned.map(({ queue }) => queue),
    laned.map(({ lane }) => lane),
    laned.map(({ due_in_ms }) => due_in_ms ?? 0),
  ]);
}

/**
 * Guards look ids up by halving. Text order is that of Postgres' uuids. An item that comes twice, under an old lease and
 * a new one, keeps its order: what is found is the last.
 */
function inIdOrder<T>(entries: readonly T[], idOf: (entry: T) => string): T[] {
  return [...entries].sort((a, b) => (idOf(a) < idOf(b) ? -1 : idOf(a) > idOf(b) ? 1 : 0));
}

function idsOf(rows: readonly { id: string }[]): Set<string> {
  return new Set(rows.map(({ id }) => id));
}
