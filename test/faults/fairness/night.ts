import { randomBytes } from 'node:crypto';
import { eventually, type TestSystem } from '@assay/testing';
import { openLoop, type Posted, type Target } from '../../bench/load.js';
import { percentile } from '../../bench/statistics.js';
import { submissions } from '../../bench/submission.js';
import { queueBehind } from './backlog.js';

/** Each gets a quarter of the reviews. */
const HEALTHY = 'ci-bot';
const DEAD = 'gone';
const SLOW = 'slow';
/** Takes five a second by its settings (infra/local/stack-configuration.ts). */
const METERED = 'metered';
const ALL = [HEALTHY, DEAD, SLOW, METERED] as const;
type Endpoint = (typeof ALL)[number];

const SLOW_AFTER_MS = 5_000;
const WARM_UP_S = 3;
/** Until something waits for the dead endpoint's circuit and for the metered one's rate. */
const DUSK = { per_s: 50, for_s: 3 };
const TOLD_WITHIN_MS = 60_000;

/** How much a healthy endpoint's delay may grow beside others (WQ-9): by half, or by so much. */
export const MAY_GROW = { times: 1.5, by_ms: 10 };

export interface NightOptions {
  /** Reviews a second, to all endpoints together. */
  per_s: number;
  /** How long the healthy endpoint is measured alone, with its own share of the reviews. */
  alone_s: number;
  night_s: number;
  /** Deliveries that wait for the dead and for the rate-limited endpoint before the night begins. */
  behind: { dead: number; metered: number };
  /** So many nights at most, until one is well: what else a busy machine does makes one bad, a lane that holds others up all. */
  nights: number;
  say: (line: string) => void;
}

export interface NightFigures {
  /** From POST to webhook at the healthy endpoint; medians, and the 99th percentile. */
  alone_ms: Percentiles;
  beside_ms: Percentiles;
  /** Reviews that were sent to each. */
  sent: number;
  /** Requests that each of them has received by the end of the night. */
  requests: Record<Endpoint, number>;
}

interface Percentiles {
  p50: number;
  p99: number;
}

/** One endpoint alone, then beside one that is dead, one that is slow and one that takes few. */
export async function measureNight(system: TestSystem, options: NightOptions): Promise<NightFigures> {
  const { alone_s, behind, night_s, nights, per_s, say } = options;
  const night = new Night(system);
  const share = per_s / ALL.length;
  await night.send([HEALTHY], share, WARM_UP_S);
  say(`one endpoint alone, ${share} reviews a second, ${alone_s} s`);
  const alone_ms = await night.delays(await night.send([HEALTHY], share, alone_s));
  await system.sinks.behave(DEAD, { answer: 503 });
  await system.sinks.behave(SLOW, { answer: 204, after_ms: SLOW_AFTER_MS });
  await night.send([METERED, DEAD], DUSK.per_s, DUSK.for_s);
  say(`${behind.dead} deliveries behind a dead endpoint, ${behind.metered} behind one that takes 5 a second`);
  // First that which does not wait for long.
  await queueBehind(system, METERED, behind.metered);
  await queueBehind(system, DEAD, behind.dead);
  say(`beside one that answers 503, one that answers after ${SLOW_AFTER_MS / 1_000} s and one that takes 5 a second:`);
  say(`${per_s} reviews a second, ${night_s} s`);
  for (let gone = 1; ; gone += 1) {
    const posted = await night.send(ALL, per_s, night_s);
    const beside_ms = await night.delays(posted.filter(({ changelist_id }) => endpointOf(changelist_id) === HEALTHY));
    const figures = { alone_ms, beside_ms };
    if (gone < nights && !holdsAtNight(figures)) continue;
    return { ...figures, sent: posted.length / ALL.length, requests: await night.requests() };
  }
}

/** What a median of so many ms alone may become beside the others. */
export function mayTakeMs(alone_ms: number): number {
  return Math.max(alone_ms * MAY_GROW.times, alone_ms + MAY_GROW.by_ms);
}

export function holdsAtNight({ alone_ms, beside_ms }: Pick<NightFigures, 'alone_ms' | 'beside_ms'>): boolean {
  return beside_ms.p50 <= mayTakeMs(alone_ms.p50);
}

class Night {
  readonly #target: Target;
  readonly #bodies = new Map<string, (changelist_id: string) => string>(
    ALL.map((endpoint) => [endpoint, submissions('in_row', endpoint)]),
  );

  constructor(private readonly system: TestSystem) {
    const { keys } = system.services.secrets;
    const headers = { authorization: `Bearer ${keys.submitter}` };
    this.#target = { origin: system.services.of('ingest')[0]!.url, path: '/v1/reviews', headers };
  }

  /** So many reviews a second, to each of the endpoints in turn. */
  send(endpoints: readonly Endpoint[], per_s: number, for_s: number): Promise<Posted[]> {
    const run = randomBytes(4).toString('hex');
    const ids = Array.from({ length: Math.ceil(per_s * for_s) }, (_, n) => {
      return `${endpoints[n % endpoints.length]!}-${run}-${n}`;
    });
    return openLoop(this.#target, (id) => this.#bodies.get(endpointOf(id))!(id), ids, 1_000 / per_s);
  }

  /** From POST to webhook, once each has come. */
  async delays(posted: readonly Posted[]): Promise<Percentiles> {
    return eventually(
      async () => {
        const received_at_ms = await this.#received();
        const took = posted.flatMap(({ changelist_id, sent_at_ms }) => {
          const at_ms = received_at_ms.get(changelist_id);
          return at_ms === undefined ? [] : [at_ms - sent_at_ms];
        });
        if (took.length < posted.length) throw new Error(`${posted.length - took.length} webhooks have not come`);
        const [p50, p99] = [0.5, 0.99].map((share) => Number(percentile(took, share).toFixed(1)));
        return { p50: p50!, p99: p99! };
      },
      { within_ms: TOLD_WITHIN_MS },
    );
  }

  async requests(): Promise<Record<Endpoint, number>> {
    const webhooks = await this.system.sinks.webhooks();
    const counted = ALL.map((endpoint) => [endpoint, webhooks.filter((each) => each.endpoint === endpoint).length]);
    return Object.fromEntries(counted) as Record<Endpoint, number>;
  }

  /** When each changelist's first webhook came. */
  async #received(): Promise<Map<string, number>> {
    const webhooks = await this.system.sinks.webhooks();
    const entries = webhooks.map(({ body, received_at_ms }) => {
      return [/"changelist_id":"([^"]+)"/.exec(body)?.[1] ?? '', received_at_ms] as const;
    });
    return new Map(entries.reverse());
  }
}

function endpointOf(changelist_id: string): string {
  return ALL.find((endpoint) => changelist_id.startsWith(`${endpoint}-`))!;
}
