import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type CallOptions, eventually, type TestSystem } from '@assay/testing';
import { Pool } from 'undici';
import { percentile } from '../../bench/statistics.js';
import { submissions } from '../../bench/submission.js';

/** The flood goes to the first; the other source's reviews go to either in turn. */
const SHARED = 'ci-bot';
const OWN = 'team-chat';
const CONNECTIONS = 256;
const WARM_UP = 12;
const LONGEST_WAIT_S = 60;
const TOLD_WITHIN_MS = 300_000;

/** How one source floods: all at once, or so many a second for so long. */
export type Shape = { at_once: number } | { per_s: number; for_s: number };

export interface FloodOptions {
  shape: Shape;
  /** Between two reviews of the other source. */
  every_ms: number;
  /** So many reviews of the other source without the flood, and at least so many beside it. */
  reviews: number;
  /** The flood ends with the last of these reviews, and what was refused by then stays away. Default: all of it is told. */
  leaves_early?: boolean;
  say: (line: string) => void;
}

/** From POST to `succeeded`, as the other source's caller sees it; medians. */
export interface Waits {
  alone_ms: number;
  beside_ms: number;
  ratio: number;
  reviews: number;
}

export interface FloodFigures {
  /** By whether the other source sends to the flood's endpoint. */
  shared: Waits;
  own: Waits;
  /** Answers 503 to the other source, after which it has come again. */
  unavailable: number;
  flood: {
    accepted: number;
    /** Answers 429 and 503; who floods all at once heeds them and comes again. */
    refused: number;
    accepted_per_s: number;
    told_per_s: number;
  };
}

/** Medians of one source's reviews, alone and while another one floods (ING-12.d). */
export async function measureFlood(system: TestSystem, options: FloodOptions): Promise<FloodFigures> {
  const { every_ms, reviews, say, shape } = options;
  const other = new OtherSource(system, every_ms);
  await other.follow(WARM_UP);
  say(`${reviews} reviews of one source alone`);
  const alone = await other.follow(reviews);
  const told_before = await webhooksTold(system);
  const flood = new Flood(system);
  say(`the same while another source sends ${shapeInWords(shape)}`);
  let over = false;
  const all_told = flood.run(shape).then(async () => {
    await untilTold(system, () => told_before + flood.accepted + other.begun_beside);
    over = true;
    return performance.now();
  });
  // What fails is reported by the wait for it below; until then it is nobody's.
  all_told.catch(() => (over = true));
  const beside = await other
    .follow(reviews, () => !over && !options.leaves_early)
    .catch((error: unknown) => {
      // Nobody waits for its end any longer.
      flood.leave();
      throw error;
    });
  if (options.leaves_early) flood.leave();
  const told_s = ((await all_told) - flood.begun_at_ms) / 1_000;
  const accepted_s = (flood.accepted_at_ms - flood.begun_at_ms) / 1_000;
  return {
    shared: waits(alone.shared, beside.shared),
    own: waits(alone.own, beside.own),
    unavailable: other.unavailable,
    flood: {
      accepted: flood.accepted,
      refused: flood.refused,
      accepted_per_s: Math.round(flood.accepted / accepted_s),
      told_per_s: Math.round(flood.accepted / told_s),
    },
  };
}

export function shapeInWords(shape: Shape): string {
  return 'at_once' in shape ? `${shape.at_once} at once` : `${shape.per_s} a second for ${shape.for_s} s`;
}

function waits(alone: readonly number[], beside: readonly number[]): Waits {
  const [alone_ms, beside_ms] = [percentile(alone, 0.5), percentile(beside, 0.5)];
  return {
    alone_ms: Math.round(alone_ms),
    beside_ms: Math.round(beside_ms),
    ratio: Number((beside_ms / alone_ms).toFixed(2)),
    reviews: beside.length,
  };
}

const name = (of: string, n: number): string => `${of}-${randomBytes(4).toString('hex')}-${n}`;

/** One review after the other at a fixed pace, whether or not those before have ended. */
class OtherSource {
  /** Reviews that were sent since the last measure began. */
  begun_beside = 0;
  /** Answers 503. */
  unavailable = 0;
  readonly #key: string;
  readonly #bodies = { shared: submissions('in_row', SHARED), own: submissions('in_row', OWN) };

  constructor(
    private readonly system: TestSystem,
    private readonly every_ms: number,
  ) {
    this.#key = system.services.secrets.source_keys.other.submitter;
  }

  async follow(reviews: number, goOn: () => boolean = () => false): Promise<Record<'shared' | 'own', number[]>> {
    const took: Record<'shared' | 'own', Promise<number>[]> = { shared: [], own: [] };
    const begun_at_ms = performance.now();
    this.begun_beside = 0;
    while (this.begun_beside < reviews || goOn()) {
      const to = this.begun_beside % 2 === 0 ? 'shared' : 'own';
      const following = this.#followOne(to);
      // Reported once all have been sent.
      following.catch(() => undefined);
      took[to].push(following);
      this.begun_beside += 1;
      await at(begun_at_ms + this.begun_beside * this.every_ms);
    }
    return { shared: await Promise.all(took.shared), own: await Promise.all(took.own) };
  }

  async #followOne(to: 'shared' | 'own'): Promise<number> {
    const body = JSON.parse(this.#bodies[to](name(to, this.begun_beside))) as { changelist_id: string };
    const headers = { 'idempotency-key': body.changelist_id };
    const begun_at_ms = performance.now();
    const job_id = await this.#submit({ body, headers, key: this.#key });
    const path = `/v1/reviews/${job_id}?wait_s=${LONGEST_WAIT_S}`;
    return eventually(async () => {
      const { body: job, status } = await this.system.call(path, { key: this.#key });
      if ((job as { state: string }).state === 'succeeded') return performance.now() - begun_at_ms;
      throw new Error(`a review of the other source has not succeeded: ${status} ${JSON.stringify(job)}`);
    });
  }

  /** Until it is accepted, as a caller does; what that takes counts. */
  async #submit(options: CallOptions): Promise<string> {
    for (;;) {
      const { body, headers, status } = await this.system.call('/v1/reviews', options);
      if (status < 300) return (body as { job_id: string }).job_id;
      if (status !== 503) throw new Error(`the other source is answered ${status}: ${JSON.stringify(body)}`);
      this.unavailable += 1;
      await at(performance.now() + Number(headers.get('retry-after')) * 1_000);
    }
  }
}

/** The source that sends more than its share. */
class Flood {
  accepted = 0;
  refused = 0;
  begun_at_ms = 0;
  /** The last of them. */
  accepted_at_ms = 0;
  readonly #left = new AbortController();
  readonly #pool: Pool;
  readonly #headers: Record<string, string>;
  readonly #body = submissions('in_row', SHARED);

  constructor(system: TestSystem) {
    // All that were refused wait at once.
    setMaxListeners(0, this.#left.signal);
    this.#pool = new Pool(system.services.of('ingest')[0]!.url, { connections: CONNECTIONS });
    const bearer = system.services.secrets.keys.submitter;
    this.#headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  }

  async run(shape: Shape): Promise<void> {
    this.begun_at_ms = performance.now();
    try {
      if ('at_once' in shape) {
        await Promise.all(Array.from({ length: shape.at_once }, (_, n) => this.#untilAccepted(name('flood', n))));
      } else await this.#steadily(shape);
    } finally {
      await this.#pool.close();
    }
  }

  /** Whoever was told to come again does not. */
  leave(): void {
    this.#left.abort();
  }

  async #steadily({ per_s, for_s }: { per_s: number; for_s: number }): Promise<void> {
    const posts: Promise<unknown>[] = [];
    for (let n = 0; n < per_s * for_s; n += 1) {
      await at(this.begun_at_ms + (n * 1_000) / per_s);
      posts.push(this.#post(name('flood', n)));
    }
    await Promise.all(posts);
  }

  /** Comes again when it is told to, and not all of them at the same moment. */
  async #untilAccepted(changelist_id: string): Promise<void> {
    const { signal } = this.#left;
    while (!signal.aborted) {
      const again_after_s = await this.#post(changelist_id);
      if (again_after_s === null) return;
      await at(performance.now() + (again_after_s + Math.random()) * 1_000, signal).catch(() => undefined);
    }
  }

  /** Null where it was accepted; else after how many seconds to come again. */
  async #post(changelist_id: string): Promise<number | null> {
    const headers = { ...this.#headers, 'idempotency-key': changelist_id };
    const body = this.#body(changelist_id);
    const answer = await this.#pool.request({ method: 'POST', path: '/v1/reviews', headers, body });
    const text = await answer.body.text();
    if (answer.statusCode < 300) {
      this.accepted += 1;
      this.accepted_at_ms = performance.now();
      return null;
    }
    const again_after_s = Number(answer.headers['retry-after']);
    if (![429, 503].includes(answer.statusCode) || !(again_after_s > 0)) {
      throw new Error(`the flood is answered ${answer.statusCode}: ${text}`);
    }
    this.refused += 1;
    return again_after_s;
  }
}

async function webhooksTold(system: TestSystem): Promise<number> {
  return (await system.sinks.totals()).webhooks;
}

async function untilTold(system: TestSystem, wanted: () => number): Promise<void> {
  await eventually(
    async () => {
      const told = await webhooksTold(system);
      if (told < wanted()) throw new Error(`${wanted() - told} of ${wanted()} reviews were not told`);
    },
    { within_ms: TOLD_WITHIN_MS },
  );
}

/** Callers keep to a pace of their own: that is what is measured. */
function at(moment_ms: number, signal?: AbortSignal): Promise<void> {
  const wait_ms = moment_ms - performance.now();
  return wait_ms > 0 ? delay(wait_ms, undefined, { signal }) : Promise.resolve();
}
