import type { Database, Tx } from '@assay/postgres';
import { ClaimFloors } from './claim-floors.js';
import type { WorkItem } from './item.js';
import type { AskedLane, ByteRoom, ItemRepository } from './item.repository.js';
import type { LaneRepository } from './lane.repository.js';
import type { Lanes } from './lanes.js';

/** While there is work, lanes that other replicas have queued something for are looked for so often. */
const LOOK_AGAIN_MS = 100;
/** Their circuits are open, and what is overdue has waited for a day. */
const LOOK_FOR_OVERDUE_MS = 1_000;
/** How soon a suspect is looked for again where there was none, and nobody has said that there is. */
const SUSPECTS_AGAIN_MS = 1_000;
/** Lanes that a suspect is looked for in at once: each has room taken for it meanwhile. */
const LANES_FOR_A_SUSPECT = 50;

/** Runs a claim of up to so many items: straight, or where slots are counted over all processes with no more than are free. */
export type RunClaim = (limit: number, claim: (tx: Tx, limit: number) => Promise<WorkItem[]>) => Promise<WorkItem[]>;

/** How a worker's claims find their items: those of a queue without lanes, or {@link LaneClaims}. */
export interface Claims {
  /** At most so many, with payloads that there is room for; items in lanes have none. */
  next(limit: number, room: ByteRoom): Promise<WorkItem[]>;
  /** One that expired in a crash (WQ-4). */
  suspect(): Promise<WorkItem[]>;
  /** What is left to do once there is nothing to claim. */
  tidy(): Promise<void>;
  /** Milliseconds until there may be something to claim; null where that is not known. */
  nextDueMs(): Promise<number | null>;
  /** After an empty claim that did not look everywhere: milliseconds until one does; else null. */
  readonly againInMs: number | null;
  /** Something was queued. */
  notify(): void;
  /** Nothing is claimed from now on, by a claim that has begun either. */
  close(): void;
}

/** The claims of a queue without lanes. */
export class DueClaims implements Claims {
  readonly #floors = new ClaimFloors();

  constructor(
    private readonly database: Database,
    private readonly items: ItemRepository,
    private readonly queue: string,
    private readonly run: RunClaim,
  ) {}

  get againInMs(): number | null {
    return this.#floors.wholeInMs;
  }

  next(limit: number, room: ByteRoom): Promise<WorkItem[]> {
    return this.run(limit, (tx, n) => this.items.claimDue(tx, this.queue, n, { floors: this.#floors, room }));
  }

  suspect(): Promise<WorkItem[]> {
    return this.run(1, (tx) => this.items.claimSuspect(tx, this.queue));
  }

  tidy(): Promise<void> {
    return Promise.resolve();
  }

  nextDueMs(): Promise<number | null> {
    return this.items.nextDueMs(this.database, this.queue, this.#floors);
  }

  notify(): void {}

  close(): void {}
}

/**
 * Claims from lanes (WQ-9): looks which lanes have something due, takes room in them, claims no more than that, and gives
 * back what nothing came for. A lane that had less than it had room for has its mark brought up to date.
 *
 * Lanes take turns, too: room that several of them share goes round, and so do the worker's own slots.
 */
export class LaneClaims implements Claims {
  readonly againInMs = null;
  readonly #due = new Set<string>();
  readonly #overdue = new Set<string>();
  /** The source that had the last turn in each lane with a backlog. */
  readonly #after = new Map<string, string>();
  readonly #exhausted = new Set<string>();
  /** The lane that was given room last. */
  #last = '';
  #look_at_ms = Number.NEGATIVE_INFINITY;
  #look_for_overdue_at_ms = Number.NEGATIVE_INFINITY;
  #look_for_suspects_at_ms = Number.NEGATIVE_INFINITY;
  #next_due_at_ms = Number.POSITIVE_INFINITY;
  #closed = false;

  private readonly database: Database;
  private readonly items: ItemRepository;
  private readonly table: LaneRepository;
  private readonly run: RunClaim;

  constructor(
    parts: { database: Database; items: ItemRepository; lanes: LaneRepository; run: RunClaim },
    private readonly queue: string,
    private readonly lanes: Lanes,
  ) {
    this.database = parts.database;
    this.items = parts.items;
    this.table = parts.lanes;
    this.run = parts.run;
  }

  /** Something of the lane waits for room, as far as is known. */
  hasBacklog(lane: string): boolean {
    return this.#due.has(lane);
  }

  notify(): void {
    this.#look_at_ms = Number.NEGATIVE_INFINITY;
    this.#look_for_suspects_at_ms = Number.NEGATIVE_INFINITY;
  }

  close(): void {
    this.#closed = true;
  }

  async next(limit: number): Promise<WorkItem[]> {
    await this.#look();
    const taken = this.#take(limit);
    let asked = taken;
    const claimed = await this.#claim(taken, () =>
      this.run(roomIn(taken), (tx, n) => {
        asked = withRoomFor(taken, n);
        return this.items.claimLanes(tx, this.queue, asked);
      }),
    );
    for (const each of asked) this.#remember(each, itemsOf(each, claimed));
    return claimed;
  }

  async suspect(): Promise<WorkItem[]> {
    if (performance.now() < this.#look_for_suspects_at_ms) return [];
    await this.#look();
    const asked = this.#take(LANES_FOR_A_SUSPECT, 1);
    const found = await this.#claim(asked, () => this.run(1, (tx) => this.items.claimSuspect(tx, this.queue, asked)));
    if (found.length === 0) this.#look_for_suspects_at_ms = performance.now() + SUSPECTS_AGAIN_MS;
    return found;
  }

  async tidy(): Promise<void> {
    if (this.#exhausted.size === 0) return;
    const lanes = [...this.#exhausted];
    this.#exhausted.clear();
    const due_in_ms = await this.table.renew(this.database, this.queue, lanes);
    if (due_in_ms !== null) this.dueIn(due_in_ms);
  }

  /** Something of a lane is due then, perhaps sooner than all that was known. */
  dueIn(due_in_ms: number): void {
    this.#next_due_at_ms = Math.min(this.#next_due_at_ms, performance.now() + due_in_ms);
  }

  nextDueMs(): Promise<number | null> {
    const waits = [...this.#due].flatMap((lane) => this.lanes.roomInMs(lane) ?? []);
    const least_ms = Math.min(this.#next_due_at_ms - performance.now(), ...waits);
    return Promise.resolve(Number.isFinite(least_ms) ? least_ms : null);
  }

  async #look(): Promise<void> {
    const now_ms = performance.now();
    if (now_ms < Math.min(this.#look_at_ms, this.#next_due_at_ms)) return;
    // What is queued from now on may be missed by this look.
    this.#look_at_ms = now_ms + LOOK_AGAIN_MS;
    this.#next_due_at_ms = Number.POSITIVE_INFINITY;
    try {
      const { lanes, next_due_ms } = await this.table.due(this.database, this.queue);
      replace(this.#due, lanes);
      if (next_due_ms !== null) this.dueIn(next_due_ms);
      if (lanes.length > 0 && now_ms >= this.#look_for_overdue_at_ms) {
        replace(this.#overdue, await this.table.overdue(this.database, this.queue));
        this.#look_for_overdue_at_ms = now_ms + LOOK_FOR_OVERDUE_MS;
      }
    } catch (error) {
      this.#look_at_ms = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }

  /** Room for so many items, one for each lane in turn, and again, beginning after the lane that had the last turn. */
  #take(limit: number, most_of_a_lane = limit): AskedLane[] {
    const asked = new Map<string, AskedLane>();
    let taken = 0;
    let open = this.#closed ? [] : inTurn([...this.#due], this.#last);
    while (open.length > 0 && taken < limit) {
      open = open.filter((lane) => {
        const entry = taken < limit ? this.#takeOne(lane, asked.get(lane), most_of_a_lane) : null;
        if (entry === null) return false;
        asked.set(lane, entry);
        this.#last = lane;
        taken += 1;
        return true;
      });
    }
    return [...asked.values()];
  }

  #takeOne(lane: string, known: AskedLane | undefined, most: number): AskedLane | null {
    if (known) {
      if (known.room >= most || !this.lanes.take(lane, known.overdue)) return null;
      return { ...known, room: known.room + 1 };
    }
    const after = this.#after.get(lane) ?? '';
    if (this.lanes.take(lane, false)) return { lane, room: 1, after, overdue: false };
    if (!this.#overdue.has(lane) || !this.lanes.take(lane, true)) return null;
    return { lane, room: 1, after, overdue: true };
  }

  /** Gives back the room that nothing came for. */
  async #claim(asked: readonly AskedLane[], claim: () => Promise<WorkItem[]>): Promise<WorkItem[]> {
    if (asked.length === 0) return [];
    let claimed: WorkItem[] = [];
    try {
      claimed = await claim();
    } finally {
      for (const each of asked) {
        for (let unused = each.room - itemsOf(each, claimed).length; unused > 0; unused -= 1) {
          this.lanes.leave(each.lane, false);
        }
      }
    }
    return claimed;
  }

  #remember({ lane, room, after, overdue }: AskedLane, claimed: readonly WorkItem[]): void {
    if (claimed.length === room) {
      if (!overdue) this.#after.set(lane, lastTurn(claimed, after));
    } else if (overdue) this.#overdue.delete(lane);
    else {
      this.#due.delete(lane);
      this.#after.delete(lane);
      this.#exhausted.add(lane);
    }
  }
}

function roomIn(asked: readonly AskedLane[]): number {
  return asked.reduce((sum, { room }) => sum + room, 0);
}

/** No more room than that in all, first come first served: the lanes take turns from one claim to the next. */
function withRoomFor(asked: readonly AskedLane[], limit: number): AskedLane[] {
  let left = limit;
  return asked.flatMap((each) => {
    const room = Math.min(each.room, left);
    left -= room;
    return room > 0 ? [{ ...each, room }] : [];
  });
}

function itemsOf({ lane }: AskedLane, claimed: readonly WorkItem[]): WorkItem[] {
  return claimed.filter((item) => item.lane === lane);
}

function replace(set: Set<string>, by: readonly string[]): void {
  set.clear();
  for (const each of by) set.add(each);
}

/** From the first that comes after `last`, and round. */
function inTurn(lanes: string[], last: string): string[] {
  lanes.sort();
  const first = lanes.findIndex((lane) => lane > last);
  return first <= 0 ? lanes : [...lanes.slice(first), ...lanes.slice(0, first)];
}

/** Of a claim that gave each source a first item, then a second: the source whose turn was the last. */
function lastTurn(claimed: readonly WorkItem[], after: string): string {
  const turns = new Map<string, number>();
  for (const { source } of claimed) turns.set(source!, (turns.get(source!) ?? 0) + 1);
  const most = Math.max(...turns.values());
  const last_round = [...turns.keys()].filter((source) => turns.get(source) === most);
  return inTurn(last_round, after).at(-1)!;
}
