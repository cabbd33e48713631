import { createLog } from '@assay/observability';
import type { Database } from '@assay/postgres';
import type { Channel } from '@assay/contracts';
import type { DestinationLane } from './destination-lane.js';
import { notAvailable } from './failures.js';
import type { Schedules } from './schedules.js';
import { FIND_WAITING } from './sql/find-waiting.js';
import type { WaitingParents } from './waiting-parents.js';

const log = createLog('notifier.waiting_lanes', ['waiting_not_found']);

/** How often what has come behind an open circuit is looked for. */
const LOOK_MS = 500;
/** What was told may be void since, by another delivery of the job: all is looked at again after this long. */
const AGAIN_MS = 60_000;
/** Open reviews that one statement looks at, and pages that one look takes. */
const PAGE = 500;
const MOST_PAGES = 20;
const BEGINNING = { created_at: '-infinity', job_id: '00000000-0000-0000-0000-000000000000' };

/** Of a review; with all digits of its time, or the next page would begin before it. */
interface Place {
  created_at: string;
  job_id: string;
}

interface Found extends Place {
  generation: number;
  delivery_id: string | null;
  address: string | null;
  waited_ms: number;
  attempt: number;
}

/** What waits at one destination, and how far it has been looked through. */
interface Walk {
  after: Place;
  begun_at_ms: number;
}

/**
 * Rows behind an open circuit are not claimed (WQ-9), so none of them says that its job waits (ING-11): while one is open,
 * the jobs that wait there are looked for, in pages, and told.
 */
export class WaitingLanes {
  readonly #walks = new Map<string, Walk>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly parents: WaitingParents,
    private readonly schedules: Schedules,
    /** Those that are open now, with whom they serve: an address, or null for all of the channel. */
    private readonly open: () => { lane: DestinationLane; channel: Channel; address: string | null }[],
  ) {}

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    }, LOOK_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const open = this.open();
    const names = new Set(open.map(({ lane }) => lane.destination.name));
    for (const name of this.#walks.keys()) if (!names.has(name)) this.#walks.delete(name);
    for (const { lane, channel, address } of open) {
      try {
        await this.#tell(lane, channel, address);
      } catch (error) {
        log.warn('waiting_not_found', { destination: lane.destination.name }, error);
      }
    }
  }

  async #tell(lane: DestinationLane, channel: Channel, address: string | null): Promise<void> {
    const { name } = lane.destination;
    const walk = this.#walkOf(name);
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const params = [channel, address, walk.after.created_at, walk.after.job_id, PAGE];
      const found = await this.database.query<Found>(FIND_WAITING, params);
      const { reason, failure = notAvailable(reason, name) } = lane.held();
      const waiting = found.flatMap(({ delivery_id, address: to, waited_ms, ...each }) => {
        if (delivery_id === null || to === null) return [];
        const { give_up_after_ms } = this.schedules.of({ channel, address: to });
        return { ...each, delivery_id, waits_ms: Math.max(0, give_up_after_ms - waited_ms) };
      });
      await Promise.all(waiting.map((each) => this.parents.tell({ ...each, failure })));
      if (found.length > 0) walk.after = found.at(-1)!;
      if (found.length < PAGE) return;
    }
  }

  #walkOf(name: string): Walk {
    const now_ms = performance.now();
    const known = this.#walks.get(name);
    if (known && now_ms - known.begun_at_ms < AGAIN_MS) return known;
    const walk = { after: BEGINNING, begun_at_ms: now_ms };
    this.#walks.set(name, walk);
    return walk;
  }
}
