import type { Failure, OutgoingEvent, Stage } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import type { Lanes } from './lanes.js';
import type { Lease } from './lease.js';

/** `work`: the effect is still to come. `publish`: it is stored, its events are not yet acknowledged (WQ-1). */
export type Phase = 'work' | 'publish';

export interface NewItem {
  /** Kind of work; names the handler. */
  queue: string;
  /** In a queue with lanes (WQ-9): what it is claimed with, by the room that there is. Needs a source. */
  lane?: string;
  /** Sources take turns: within a lane, and where what tells of items waits for Kafka. */
  source?: string;
  /** In a lane: from then on a circuit that is open does not hold it back. Default: never. By the database's clock. */
  overdue_in_ms?: number;
  /** Id of what is worked on: a job, a delivery, a parked record. */
  subject_id: string;
  generation: number;
  /** 0 to 9, 9 first; in a lane, of the items of one source. */
  priority: number;
  phase: Phase;
  /** Default 0: due at once. By the database's clock. */
  due_in_ms?: number;
  /** Only what stands nowhere else: the body to work on, or small events to publish ({@link encodeEvents}). */
  payload?: Buffer | null;
  correlation_id: string;
  traceparent: string | null;
}

export interface WorkItem {
  readonly id: string;
  readonly queue: string;
  readonly lane: string | null;
  readonly source: string | null;
  readonly subject_id: string;
  readonly generation: number;
  readonly priority: number;
  readonly phase: Phase;
  /** Failed attempts of this phase so far. */
  readonly attempts: number;
  /** Leases that ended with their owner (WQ-4). */
  readonly crashes: number;
  /** Of the first failed attempt or crash; null while there was none. */
  readonly first_failure_at: string | null;
  readonly correlation_id: string;
  readonly traceparent: string | null;
  readonly payload: Buffer | null;
  readonly lease: Lease;
}

export interface Unit<Body> {
  readonly item: WorkItem;
  readonly body: Body;
}

export type Outcome<Result> =
  | { kind: 'done'; result: Result }
  | { kind: 'failed'; failure: Failure }
  /** Waits without spending an attempt, e.g. behind an open circuit (DEL-8). */
  | { kind: 'parked'; due_in_ms: number; reason: string };

export interface DoneUnit<Body, Result> {
  unit: Unit<Body>;
  result: Result;
}

export interface DelayedUnit<Body> {
  unit: Unit<Body>;
  failure: Failure;
  /** The attempt that failed, from 1. */
  attempt: number;
  next_due_at: string;
}

/** An attempt that failed in a way that time may mend. */
export interface FailedAttempt<Body> {
  unit: Unit<Body>;
  failure: Failure;
  /** From 1. */
  attempt: number;
  /** By the database's clock. */
  failed_at: string;
}

export interface DeadUnit<Body> {
  unit: Unit<Body>;
  failure: Failure;
  /** Attempts spent, the last included. */
  attempts: number;
  first_failure_at: string;
  last_failure_at: string;
}

/** Events by item id. */
export type EventsByItem = Map<string, OutgoingEvent[]>;

/**
 * What a queue does with its items. The engine owns claims, leases, attempts, guards and publishing; a handler owns
 * the work and its tables.
 */
export interface WorkHandler<Body, Result> {
  readonly queue: string;
  readonly stage: Stage;
  /** Present exactly where the queue's items bear lanes (WQ-9). */
  readonly lanes?: Lanes;
  /** In how many ms, from `at` by the database's clock, an item that is put back is overdue; null: as it was. */
  overdueInMs?(unit: Unit<Body>, at: string): number | null;
  /**
   * The stage's budget (DLQ-2): milliseconds until the next attempt, or null where the one that failed was the last.
   * Default: `fiveAttempts`.
   */
  retryInMs?(failed: FailedAttempt<Body>): number | null;
  /** Bodies of items that were not born in this process, by item id. An item without a body is obsolete: it is removed. */
  load(items: readonly WorkItem[]): Promise<Map<string, Body>>;
  /**
   * Does the work and settles each unit as soon as its outcome is known. May run again for the same item (GEN-2).
   * Must look at `item.lease` before each side effect. What is not settled when it returns has failed; when it throws,
   * what is not settled is performed again in halves, until a unit that throws is alone (GEN-7).
   */
  perform(units: readonly Unit<Body>[], settle: Settle<Body, Result>): Promise<void>;
  /**
   * Inside the guarded transaction, for units that are still owned: writes the results and says what to publish. Need not
   * be idempotent: once its transaction has committed, the item is in phase `publish`, and this, {@link delayed} and
   * {@link deadLettered} are not called for it again, whether or not the answer to COMMIT came back (WQ-10).
   */
  store(tx: Tx, done: readonly DoneUnit<Body, Result>[]): Promise<EventsByItem>;
  /** In the same transaction: attempts that failed and will be tried again; their `stage.delayed` events. */
  delayed(tx: Tx, units: readonly DelayedUnit<Body>[]): Promise<OutgoingEvent[]>;
  /** In the same transaction: work that no retry will mend; its rows and `stage.dead_lettered` events. */
  deadLettered(tx: Tx, units: readonly DeadUnit<Body>[]): Promise<EventsByItem>;
  /**
   * Builds the events of items in phase `publish` from stored rows. With it an item's payload is dropped when its result is
   * stored; without it the payload holds the events themselves.
   */
  readonly rebuilt?: EventSource;
}

/** Where the events of items in phase `publish` stand that do not hold them themselves. */
export interface EventSource {
  /**
   * Bytes of the rows that each item's events are built from, by item id, read without their bodies: so many are built
   * together as memory allows. One that is not named has none.
   */
  bytesOf(items: readonly WorkItem[]): Promise<Map<string, number>>;
  /** An item without events has nothing to say, and is deleted. */
  eventsOf(items: readonly WorkItem[]): Promise<EventsByItem>;
}

export type Settle<Body, Result> = (unit: Unit<Body>, outcome: Outcome<Result>) => void;

/** What may be born claimed: so many items, and payloads of so many bytes in all. */
export interface Permits {
  items: number;
  bytes: number;
}

export interface Worker<Body> {
  /**
   * Permits to create up to `items` items born claimed (WQ-2), with payloads of up to `bytes`: as many as slots are free and
   * as may be held (WQ-11), none while a backlog is known.
   */
  reserve(items: number, bytes?: number): Permits;
  /** Gives back what was not used. */
  release(unused: Permits): void;
  /**
   * The same for a queue with lanes, by the lane of each item wanted: as many of each as it has room for, none while a
   * backlog of it is known.
   */
  reserveIn(lanes: readonly string[]): Map<string, number>;
  releaseIn(lanes: ReadonlyMap<string, number>): void;
  /** Starts units that were born claimed, after their transaction has committed; uses their permits. */
  accept(units: readonly Unit<Body>[]): void;
  /** Says that something was queued in this process. */
  notify(): void;
}
