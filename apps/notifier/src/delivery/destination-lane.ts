import type { Failure } from '@assay/contracts';
import type { Destination } from '../providers/provider.js';
import { Circuit } from './circuit.js';
import type { CircuitPhase, CircuitRule } from './circuit.js';
import type { FaultSubject } from './fault-events.js';
import { Rate } from './rate.js';

export type ParkReason = 'circuit_open' | 'credential_refused' | 'destination_busy' | 'rate_limited' | 'stopping';
export type Entry = { kind: 'go'; ticket: Ticket } | Park;
export interface Park {
  kind: 'park';
  due_in_ms: number;
  reason: ParkReason;
  /** What is wrong there, where that is why. */
  failure?: Failure;
}

/** Rows that may wait in memory for one destination, as a multiple of its concurrency; the others wait in the queue. */
const WAITING_PER_SLOT = 4;
/** A row that finds the lane full comes back when those before it may have gone, within these bounds. */
const SHORTEST_BUSY_WAIT_MS = 100;
const LONGEST_BUSY_WAIT_MS = 5_000;
/** Weight of the latest send in the running mean of their durations. */
const LATEST_WEIGHT = 0.2;
/** A success this recent shows that the destination lives: a failing row is then that row's own affair. */
const ALIVE_MS = 60_000;

const STOPPING: Entry = { kind: 'park', due_in_ms: 0, reason: 'stopping' };

/** The right to one send; used for exactly one of its reports. */
export interface Ticket {
  /** The destination answered as one that works does. */
  succeeded(): void;
  /** @param attempt of this row, from 1. Returns true where the circuit is open now: the row parks, no attempt spent. */
  failed(attempt: number, failure: Failure): boolean;
  /** All that is sent there is refused: our credential, or we ourselves. */
  refused(of: FaultSubject, failure: Failure): void;
  /** No send took place, or it says nothing of the destination. */
  withdrawn(): void;
}

/**
 * What one destination is given: so many sends at once, and none while its circuit is open (DEL-9). A slow one fills
 * its own lane and no other. Per replica, like its circuit.
 */
export class DestinationLane {
  readonly #circuit: Circuit;
  readonly #rate: Rate;
  readonly #waiting: ((granted: boolean) => void)[] = [];
  #closed = false;
  #active = 0;
  #mean_send_ms = 0;
  #refused_fingerprint: string | null = null;
  #succeeded_at_ms = Number.NEGATIVE_INFINITY;
  #failure: Failure | undefined;

  constructor(
    readonly destination: Destination,
    rule: CircuitRule,
  ) {
    this.#circuit = new Circuit(rule);
    this.#rate = new Rate(destination.rate_per_s);
  }

  get phase(): CircuitPhase {
    return this.#circuit.phase;
  }

  get openForMs(): number {
    return this.#circuit.openForMs();
  }

  probeNow(): void {
    this.#circuit.probeNow();
  }

  /** What the next row would be told that comes while this one cannot go. */
  park(): Park {
    const asked = this.#circuit.ask();
    if (asked.kind === 'go' && asked.probe) this.#circuit.probeWithdrawn();
    const due_in_ms = asked.kind === 'park' ? asked.due_in_ms : SHORTEST_BUSY_WAIT_MS;
    const reason = this.#refused_fingerprint === null ? 'circuit_open' : 'credential_refused';
    return { kind: 'park', due_in_ms, reason, failure: this.#failure };
  }

  /** The process stops: what waits goes back to the queue, what is being sent has its time-out (OPS-1). */
  close(): void {
    this.#closed = true;
    for (const turnAway of this.#waiting.splice(0)) turnAway(false);
  }

  /**
   * Waits for a slot only as long as few others do.
   *
   * @param whatever_the_circuit for a row whose time is over: its last attempt, or the first of a row that has had none, is
   * made while the circuit is open, too, in the lane's slots and rate, so that it ends in bounded time (DEL-8)
   */
  async enter(whatever_the_circuit = false): Promise<Entry> {
    if (this.#closed) return STOPPING;
    this.#noticeRotation();
    const early_ms = this.#rate.waitMs();
    if (early_ms > 0) return { kind: 'park', due_in_ms: early_ms * (1 + Math.random()), reason: 'rate_limited' };
    const asked = this.#circuit.ask();
    if (asked.kind === 'park' && !whatever_the_circuit) return this.park();
    const probe = asked.kind === 'go' && asked.probe;
    if (!(await this.#slot())) {
      if (probe) this.#circuit.probeWithdrawn();
      if (this.#closed) return STOPPING;
      return { kind: 'park', due_in_ms: this.#busyWaitMs(), reason: 'destination_busy' };
    }
    if (!probe && !whatever_the_circuit && this.#circuit.phase !== 'closed') {
      // It opened while this row waited.
      this.#release();
      return this.park();
    }
    this.#rate.take();
    return { kind: 'go', ticket: this.#ticket() };
  }

  /** True once a slot is this row's; false where too many wait already. */
  #slot(): Promise<boolean> {
    if (this.#active < this.destination.concurrency) {
      this.#active += 1;
      return Promise.resolve(true);
    }
    if (this.#waiting.length >= this.destination.concurrency * WAITING_PER_SLOT) return Promise.resolve(false);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the slot to the next that waits, so that nobody can slip in between. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next) next(true);
    else this.#active -= 1;
  }

  /** Too short a wait would only claim and put back the same rows again and again. */
  #busyWaitMs(): number {
    const rounds_before = this.#waiting.length / this.destination.concurrency + 1;
    const wait_ms = Math.max(SHORTEST_BUSY_WAIT_MS, Math.min(this.#mean_send_ms * rounds_before, LONGEST_BUSY_WAIT_MS));
    return wait_ms * (0.5 + Math.random());
  }

  /** A new credential deserves a new try at once (SEC-5). */
  #noticeRotation(): void {
    if (this.#refused_fingerprint === null || this.#circuit.phase === 'closed') return;
    if (this.destination.credentialFingerprint() === this.#refused_fingerprint) return;
    this.#refused_fingerprint = null;
    this.#circuit.succeeded();
  }

  #ticket(): Ticket {
    const began_ms = performance.now();
    const leave = (): void => {
      this.#mean_send_ms += (performance.now() - began_ms - this.#mean_send_ms) * LATEST_WEIGHT;
      this.#release();
    };
    return {
      succeeded: () => {
        this.#succeeded_at_ms = performance.now();
        this.#refused_fingerprint = null;
        this.#failure = undefined;
        this.#circuit.succeeded();
        leave();
      },
      failed: (attempt, failure) => {
        this.#failure = failure;
        const alive = performance.now() - this.#succeeded_at_ms < ALIVE_MS;
        this.#circuit.failed(alive ? 1 : attempt);
        leave();
        return this.#circuit.phase !== 'closed';
      },
      refused: (of, failure) => {
        this.#failure = failure;
        if (of === 'credential') this.#refused_fingerprint = this.destination.credentialFingerprint();
        this.#circuit.refused();
        leave();
      },
      withdrawn: () => {
        this.#circuit.probeWithdrawn();
        leave();
      },
    };
  }
}
