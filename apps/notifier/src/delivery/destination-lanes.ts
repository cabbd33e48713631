import type { Lanes } from '@assay/work-queue';
import type { Destination } from '../providers/provider.js';
import type { CircuitRule } from './circuit.js';
import { DestinationLane } from './destination-lane.js';

/**
 * The lanes of the queue of deliveries (WQ-9): `webhook:<endpoint>`, or `smtp/<domain>`. Their room is that of their
 * destination, which is what stands before the `/`: the domains behind one mail service share its connections and its
 * circuit, and take turns.
 */
export class DestinationLanes implements Lanes {
  /** By what stands before the `/`. */
  readonly #known = new Map<string, DestinationLane>();
  /** Lanes of recipients that this installation does not know: there is nothing that could be held back there. */
  readonly #unknown = new Set<string>();
  /** Lanes of which a first row is on its way, which will make their destination known. */
  readonly #introduced = new Set<string>();
  #closed = false;

  /** @param rerouted the destination to which what waits in a lane goes now, where that may be another than the lane's own */
  constructor(
    private readonly rule: CircuitRule,
    private readonly rerouted: (lane: string) => Destination | null = () => null,
  ) {}

  take(lane: string, overdue: boolean): boolean {
    const known = this.#laneNamed(lane);
    if (known) return known.take(overdue);
    if (this.#closed || this.#introduced.has(lane)) return false;
    if (!this.#unknown.has(lane)) this.#introduced.add(lane);
    return true;
  }

  leave(lane: string, used: boolean): void {
    // What was taken before the destination was known was not taken from it.
    if (this.#introduced.delete(lane)) return;
    this.#laneNamed(lane)?.leave(used);
  }

  roomInMs(lane: string): number | null {
    const known = this.#laneNamed(lane);
    return known ? known.roomInMs() : null;
  }

  of(destination: Destination): DestinationLane {
    const key = keyOf(destination.lane);
    let lane = this.#known.get(key);
    if (!lane) {
      lane = new DestinationLane(destination, this.rule);
      if (this.#closed) lane.close();
      this.#known.set(key, lane);
    }
    return lane;
  }

  /** No destination is configured for what waits in this lane. */
  reachesNobody(lane: string): void {
    this.#unknown.add(lane);
    this.#introduced.delete(lane);
  }

  /** @param now as the destination stands; null where there is no such one any more, and nothing holds back its rows */
  reconfigured({ lane }: Destination, now: Destination | null): void {
    const key = keyOf(lane);
    if (now === null) this.#known.delete(key);
    else this.#known.get(key)?.become(now);
  }

  all(): DestinationLane[] {
    return [...this.#known.values()];
  }

  /** By its destination's name. */
  named(destination: string): DestinationLane | undefined {
    return this.all().find(({ destination: { name } }) => name === destination);
  }

  close(): void {
    this.#closed = true;
    for (const lane of this.#known.values()) lane.close();
  }

  #laneNamed(lane: string): DestinationLane | undefined {
    const now = this.rerouted(lane);
    return now !== null && keyOf(now.lane) !== keyOf(lane) ? this.of(now) : this.#known.get(keyOf(lane));
  }
}

const keyOf = (lane: string): string => lane.split('/', 1)[0]!;
