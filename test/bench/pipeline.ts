import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { StackHost } from '../../infra/local/host-client.js';
import type { HostOptions, StackAddress } from '../../infra/local/host-protocol.js';
import { freePorts } from '../../infra/local/ports.js';
import { age, AGED_SETTINGS, segmentsMade, settleDown, walBytes } from './aged-cluster.js';
import { EXPLAIN_SETTINGS, Explainer, type Explanation } from './explain.js';
import { closedLoop, openLoop, type Posted, type Target } from './load.js';
import { compare, type PipelineFigures, printFigures, printSecured, type SizeFigures } from './pipeline-figures.js';
import { cpuSeconds, residentMib } from './process-usage.js';
import { SettledReviews } from './settled-reviews.js';
import { percentile, round, type Span } from './statistics.js';
import { type Size, SIZES, submissions } from './submission.js';

const CALLERS = 64;
const WARM_UP_REVIEWS = 1_000;
const REVIEWS = 4_000;
const FLOOR_REQUESTS = 3_000;
const LATENCY_S = 12;
const SETTLE_LIMIT_MS = 300_000;

/**
 * Posts to the whole running system, and to a bare endpoint on the same Postgres, in the same run; with `--secure` to a
 * second system, too, whose services reach Kafka by SASL_SSL and Postgres by verified TLS.
 */
export async function runPipelineBench(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const say = (line: string): void => void (json || console.log(line));
  const plain = await measured(args, false, say);
  const secure = args.includes('--secure') ? await measured(args, true, say) : null;
  const secured = secure && { secure, secure_vs_plain: compare(secure, plain) };
  if (json) console.log(JSON.stringify({ ...plain, ...secured }));
  else {
    printFigures(plain);
    if (secured) printSecured(secured.secure, secured.secure_vs_plain);
  }
}

async function measured(
  args: readonly string[],
  secure: boolean,
  say: (line: string) => void,
): Promise<PipelineFigures> {
  const directory = await mkdtemp(join(tmpdir(), 'assay-bench-'));
  const explain = args.includes('--explain') ? directory : null;
  const build = join(import.meta.dirname, '..', '..');
  const options = { ...stackOptions(directory, explain), secure };
  say(secure ? 'by SASL_SSL and verified TLS' : 'without TLS');
  const host = await StackHost.launch(build, options, (line) => say(`  ${line}`));
  const stopOnSignal = (): void => void host.stop().then(() => process.exit(130));
  process.once('SIGINT', stopOnSignal);
  const admin = new pg.Client({ connectionString: host.address.postgres.admin_url });
  try {
    await admin.connect();
    return await new PipelineBench(host.address, admin, explain, say).run();
  } finally {
    process.off('SIGINT', stopOnSignal);
    await admin.end();
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** @param sockets where the probes of `--explain` listen */
function stackOptions(directory: string, sockets: string | null): HostOptions {
  const probe = pathToFileURL(join(import.meta.dirname, 'probe.js'));
  if (sockets !== null) probe.searchParams.set('sockets', sockets);
  return {
    services: {
      state_directory: join(directory, 'state'),
      node_args: sockets === null ? [] : ['--import', probe.href],
    },
    durable: true,
    postgres_settings: sockets === null ? AGED_SETTINGS : { ...AGED_SETTINGS, ...EXPLAIN_SETTINGS },
    log_directory: join(directory, 'logs'),
  };
}

class PipelineBench {
  readonly #settled: SettledReviews;
  readonly #target: Target;
  readonly #processes: Record<string, number>;
  readonly #own: Record<string, number>;
  readonly #explainer: Explainer | null;
  readonly #run_id = randomBytes(4).toString('hex');
  #sequence = 0;

  constructor(
    private readonly address: StackAddress,
    private readonly admin: pg.Client,
    sockets: string | null,
    private readonly say: (line: string) => void,
  ) {
    const { kafka, postgres, stack } = address;
    if (!stack) throw new Error('the stack runs without its services');
    this.#settled = new SettledReviews(kafka.brokers, `${stack.topic_prefix}.review.settled.v1`);
    const headers = { authorization: `Bearer ${stack.keys.submitter}` };
    this.#target = { origin: stack.services.ingest.url, path: '/v1/reviews', headers };
    const services = Object.entries(stack.services).map(([name, { pid }]) => [name, pid] as const);
    this.#processes = { ...Object.fromEntries(services), kafka: kafka.pid, postgres: postgres.pid };
    this.#own = { callers_and_consumer: process.pid, webhook_receiver: stack.sinks.pid };
    this.#explainer = sockets === null ? null : new Explainer(address, admin, sockets);
  }

  async run(): Promise<PipelineFigures> {
    await this.#settled.start();
    try {
      await this.#explainer?.prepare();
      this.say('ageing the write-ahead log: 2 GB, each segment once');
      await age(this.admin);
      this.say(`warming up with ${WARM_UP_REVIEWS} reviews of each size`);
      for (const size of SIZES) await this.#drive(size, WARM_UP_REVIEWS);
      const sizes: Partial<Record<Size, SizeFigures>> = {};
      for (const size of SIZES) sizes[size] = await this.#measure(size);
      return {
        machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`,
        date: new Date(performance.timeOrigin).toISOString().slice(0, 10),
        reviews: REVIEWS,
        sizes: sizes as Record<Size, SizeFigures>,
      };
    } finally {
      await this.#settled.stop();
    }
  }

  async #measure(size: Size): Promise<SizeFigures> {
    const floor_before = await this.#floor(size);
    await settleDown(this.admin);
    const before = await segmentsMade(this.admin);
    const { rates, usage, explanation: load } = await this.#load(size);
    const { latency_ms, explanation: latency } = await this.#latency(size, rates.reviews_per_s / 10);
    const wal_segments_made = (await segmentsMade(this.admin)) - before;
    const express_per_s = (floor_before + (await this.#floor(size))) / 2;
    return {
      body_bytes: Buffer.byteLength(submissions(size)(this.#ids(1)[0]!)),
      reviews_per_s: round(rates.reviews_per_s),
      accepted_per_s: round(rates.accepted_per_s),
      express_per_s: round(express_per_s),
      ratios: {
        pipeline_vs_express: round(rates.reviews_per_s / express_per_s, 3),
        accept_vs_express: round(rates.accepted_per_s / express_per_s, 3),
      },
      latency_ms,
      wal_segments_made,
      ...usage,
      explained: load && latency && { load, latency },
    };
  }

  /** As many reviews as there are processors for. */
  async #load(size: Size) {
    this.say(`${REVIEWS} reviews from ${CALLERS} callers`);
    const cpu_before = cpuOf({ ...this.#processes, ...this.#own });
    const wal_before = await walBytes(this.admin);
    const { result: rates, explanation } = await this.#explained(() => this.#drive(size, REVIEWS));
    const wal_bytes_per_review = Math.round(((await walBytes(this.admin)) - wal_before) / REVIEWS);
    const cpu_after = cpuOf({ ...this.#processes, ...this.#own });
    const usOf = ([name]: [string, number]) =>
      [name, Math.round(((cpu_after[name]! - cpu_before[name]!) / REVIEWS) * 1e6)] as const;
    const usage = {
      wal_bytes_per_review,
      cpu_us_per_review: Object.fromEntries(Object.entries(this.#processes).map(usOf)),
      bench_cpu_us_per_review: Object.fromEntries(Object.entries(this.#own).map(usOf)),
      rss_mib: Object.fromEntries(Object.entries(this.#processes).map(([name, pid]) => [name, residentMib(pid)])),
    };
    return { rates, usage, explanation };
  }

  /** From the POST to the webhook at its receiver, with one post at a time at a fixed rate. */
  async #latency(size: Size, rate_per_s: number) {
    const ids = this.#ids(Math.ceil(rate_per_s * LATENCY_S));
    this.say(`${ids.length} reviews at ${rate_per_s.toFixed(0)} a second`);
    const { control_url } = this.address.stack!.sinks;
    await fetch(`${control_url}/received`, { method: 'DELETE' });
    const { result: spans, explanation } = await this.#explained(
      async () => {
        const all = this.#settled.further(ids.length, SETTLE_LIMIT_MS);
        const posted = await openLoop(this.#target, submissions(size), ids, 1_000 / rate_per_s);
        await all;
        return waysOf(posted, await receivedAt(control_url));
      },
      (each) => each,
    );
    const taken = spans.map(({ took_ms }) => took_ms);
    const [p50, p99] = [0.5, 0.99].map((share) => round(percentile(taken, share)));
    const latency_ms = { rate_per_s: round(rate_per_s), reviews: ids.length, p50: p50!, p99: p99! };
    return { latency_ms, explanation };
  }

  /** Requests a second of the bare endpoint. */
  async #floor(size: Size): Promise<number> {
    this.say(`${FLOOR_REQUESTS} requests to bare Express and pg`);
    const [port] = await freePorts(1);
    const script = join(import.meta.dirname, 'express-floor.js');
    const child = fork(script, [String(port), this.address.postgres.admin_url]);
    try {
      await ready(child);
      const target: Target = { origin: `http://127.0.0.1:${port}`, path: '/reviews', headers: {} };
      await closedLoop(target, submissions(size), this.#ids(FLOOR_REQUESTS / 4), CALLERS);
      const begun_at_ms = performance.now();
      await closedLoop(target, submissions(size), this.#ids(FLOOR_REQUESTS), CALLERS);
      return FLOOR_REQUESTS / ((performance.now() - begun_at_ms) / 1_000);
    } finally {
      child.disconnect();
    }
  }

  async #drive(size: Size, reviews: number): Promise<{ reviews_per_s: number; accepted_per_s: number }> {
    const begun_at_ms = performance.now();
    const all = this.#settled.further(reviews, SETTLE_LIMIT_MS);
    await closedLoop(this.#target, submissions(size), this.#ids(reviews), CALLERS);
    const accepted_s = (performance.now() - begun_at_ms) / 1_000;
    await all;
    const settled_s = (performance.now() - begun_at_ms) / 1_000;
    return { reviews_per_s: reviews / settled_s, accepted_per_s: reviews / accepted_s };
  }

  async #explained<T>(
    work: () => Promise<T>,
    spans: (result: T) => Span[] = () => [],
  ): Promise<{ result: T; explanation?: Explanation }> {
    return this.#explainer === null ? { result: await work() } : this.#explainer.during(work, spans);
  }

  #ids(n: number): string[] {
    return Array.from({ length: n }, () => `${this.#run_id}-${String(this.#sequence++).padStart(5, '0')}`);
  }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`the floor ended with ${code}`)));
  });
}

/** When the receiver got the webhook of each changelist. */
async function receivedAt(control_url: string): Promise<Map<string, number>> {
  const answer = await fetch(`${control_url}/webhooks`);
  const { webhooks } = (await answer.json()) as { webhooks: { body: string; received_at_ms: number }[] };
  return new Map(webhooks.map((each) => [/"changelist_id":"([^"]+)"/.exec(each.body)?.[1] ?? '', each.received_at_ms]));
}

function waysOf(posted: readonly Posted[], received_at_ms: ReadonlyMap<string, number>): Span[] {
  return posted.map(({ changelist_id, sent_at_ms }) => {
    const at_ms = received_at_ms.get(changelist_id);
    if (at_ms === undefined) throw new Error(`no webhook came for ${changelist_id}`);
    return { begun_at_ms: sent_at_ms, took_ms: at_ms - sent_at_ms };
  });
}

function cpuOf(processes: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, cpuSeconds(pid)]));
}
