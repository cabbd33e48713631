import type { Failure } from '@assay/contracts';
import { Rate } from '@assay/service';
import type { Destination } from '../providers/provider.js';
import { Circuit } from './circuit.js';
import type { CircuitPhase, CircuitRule } from './circuit.js';
import type { FaultSubject } from './fault-events.js';

/** Why a row is not sent now. */
export interface Held {
  reason: 'circuit_open' | 'credential_refused' | 'stopping';
  /** What is wrong there, where that is why. */
  failure?: Failure;
}
export type Entry = { kind: 'go'; ticket: Ticket } | ({ kind: 'held' } & Held);

/** A success this recent shows that the destination lives: a failing row is then that row's own affair. */
const ALIVE_MS = 60_000;
/** A credential that was refused is looked at so often: a new one is tried at once (SEC-5). */
const LOOK_AT_CREDENTIAL_MS = 1_000;
/**
 * Rows are claimed ahead for so long: as many as the destination takes in that time wait in memory. A fast one then needs
 * no claim for each few of its rows; a slow one, of which this is less than one row for each send, holds none ahead.
 */
const AHEAD_MS = 250;
/** And no more than so many for each send that may be under way, however fast they are. */
const MOST_AHEAD_PER_SEND = 4;
/** Weight of the latest send in the running mean of their durations. */
const LATEST_WEIGHT = 0.2;

/** The right to one send: used for at most one of its reports, and given back by `over` whatever happened. */
export interface Ticket {
  /** The destination answered as one that works does. */
  succeeded(): void;
  /** @param attempt of this row, from 1. Returns true where the circuit is open now: the row waits, no attempt spent. */
  failed(attempt: number, failure: Failure): boolean;
  /** All that is sent there is refused: our credential, or we ourselves. */
  refused(of: FaultSubject, failure: Failure): void;
  /** The attempt has ended: the next that waits begins. Without a report it says nothing of the destination. */
  over(): void;
}

/**
 * What one destination is given: so many sends at once, so many a second, and none while its circuit is open but one probe
 * (DEL-9). Room is taken before a row is claimed (WQ-9), so what cannot go is not claimed, and a slow one fills its own
 * lanes and no other. Per replica, like its circuit.
 */
export class DestinationLane {
  readonly #circuit: Circuit;
  readonly #waiting: (() => void)[] = [];
  #destination: Destination;
  #rate: Rate;
  #closed = false;
  /** Rows that have room: those that are being sent, and those that wait or whose outcome is not known yet. */
  #active = 0;
  #sending = 0;
  /** Null until something was sent. */
  #mean_send_ms: number | null = null;
  /** Room was given for a probe that has not begun. */
  #probe_awaited = false;
  #refused_fingerprint: string | null = null;
  #succeeded_at_ms = Number.NEGATIVE_INFINITY;
  #failure: Failure | undefined;

  constructor(destination: Destination, rule: CircuitRule) {
    this.#destination = destination;
    this.#circuit = new Circuit(rule);
    this.#rate = rateOf(destination);
  }

  get destination(): Destination {
    return this.#destination;
  }

  /** Its limits and its credential have changed, or may have: what failed deserves a new try at once. */
  become(destination: Destination): void {
    if (destination.rate_per_s !== this.#destination.rate_per_s) this.#rate = rateOf(destination);
    this.#destination = destination;
    this.#circuit.probeNow();
    this.#goOn();
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

  /** Milliseconds until a probe may go; 0 where the circuit is closed. */
  get probeInMs(): number {
    return this.#circuit.waitMs();
  }

  /** Room for one row, and its share of the rate, taken if there is any; of an open circuit one, as the probe. */
  take(overdue: boolean): boolean {
    if (this.#closed || this.#active >= this.#room || this.#rate.waitMs() > 0) return false;
    this.#noticeRotation();
    if (!overdue) {
      const asked = this.#circuit.ask();
      if (asked === 'wait') return false;
      if (asked === 'probe') this.#probe_awaited = true;
    }
    this.#active += 1;
    this.#rate.take();
    return true;
  }

  /** @param used false where there was no row to give the room to */
  leave(used: boolean): void {
    // What was taken before a change of the file may be given back to another lane.
    this.#active = Math.max(0, this.#active - 1);
    if (!used) this.#rate.giveBack();
    if (!this.#probe_awaited) return;
    this.#probe_awaited = false;
    this.#circuit.probeWithdrawn();
  }

  /** Milliseconds until there may be room; null where that comes with a row that leaves. */
  roomInMs(): number | null {
    if (this.#closed || this.#active >= this.#room) return null;
    const wait_ms = Math.max(this.#rate.waitMs(), this.#circuit.waitMs());
    return this.#refused_fingerprint === null ? wait_ms : Math.min(wait_ms, LOOK_AT_CREDENTIAL_MS);
  }

  /** The process stops: nothing more is begun, and what is being sent has its time-out (OPS-1). */
  close(): void {
    this.#closed = true;
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  /**
   * A row that has room is about to be sent, and waits until it may be. The circuit may have opened since the room was
   * given.
   *
   * @param whatever_the_circuit for a row whose time is over: its last attempt, or the first of a row that has had none, is
   * made while the circuit is open, too, so that it ends in bounded time (DEL-8)
   */
  async begin(whatever_the_circuit = false): Promise<Entry> {
    // Nobody slips in before those that wait: whoever ends a send hands it on.
    if (!this.#closed && this.#sending < this.destination.concurrency) this.#sending += 1;
    else if (!this.#closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#closed) return { kind: 'held', reason: 'stopping' };
    const probe = this.#probe_awaited;
    if (this.#circuit.phase !== 'closed' && !probe && !whatever_the_circuit) {
      this.#handOn();
      return { kind: 'held', ...this.held() };
    }
    this.#probe_awaited = false;
    return { kind: 'go', ticket: this.#ticket() };
  }

  /** What a row is told that waits for the circuit. */
  held(): Held {
    const reason = this.#refused_fingerprint === null ? 'circuit_open' : 'credential_refused';
    return { reason, failure: this.#failure };
  }

  /** Where it failed last, has a rate, or its circuit is not closed: for what may go now, and for nothing ahead. */
  get #room(): number {
    const { concurrency, rate_per_s } = this.destination;
    const works = this.#failure === undefined && this.#circuit.phase === 'closed';
    if (this.#mean_send_ms === null || rate_per_s !== null || !works) return concurrency;
    const ahead = Math.min(MOST_AHEAD_PER_SEND, AHEAD_MS / this.#mean_send_ms);
    return concurrency + Math.floor(concurrency * ahead);
  }

  /** A send has ended: the next that waits begins in its place. */
  #handOn(): void {
    this.#sending -= 1;
    this.#goOn();
  }

  #goOn(): void {
    while (this.#waiting.length > 0 && this.#sending < this.destination.concurrency) {
      this.#sending += 1;
      this.#waiting.shift()!();
    }
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
    let reported = false;
    return {
      succeeded: () => {
        reported = true;
        this.#succeeded_at_ms = performance.now();
        this.#refused_fingerprint = null;
        this.#failure = undefined;
        this.#circuit.succeeded();
      },
      failed: (attempt, failure) => {
        reported = true;
        this.#failure = failure;
        const alive = performance.now() - this.#succeeded_at_ms < ALIVE_MS;
        this.#circuit.failed(alive ? 1 : attempt);
        return this.#circuit.phase !== 'closed';
      },
      refused: (of, failure) => {
        reported = true;
        this.#failure = failure;
        if (of === 'credential') this.#refused_fingerprint = this.destination.credentialFingerprint();
        this.#circuit.refused();
      },
      over: () => {
        if (!reported) this.#circuit.probeWithdrawn();
        const took_ms = performance.now() - began_ms;
        const before_ms = this.#mean_send_ms ?? took_ms;
        this.#mean_send_ms = before_ms + LATEST_WEIGHT * (took_ms - before_ms);
        this.#handOn();
      },
    };
  }
}

/** A second's worth may go at once. */
function rateOf({ rate_per_s }: Destination): Rate {
  return new Rate(rate_per_s === null ? null : { per_s: rate_per_s, burst: rate_per_s });
}
