import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { StackHost } from '../../infra/local/host-client.js';
import type { StackAddress } from '../../infra/local/host-protocol.js';
import { freePorts } from '../../infra/local/ports.js';
import { closedLoop, openLoop, type Target } from './load.js';
import { cpuSeconds, residentMib } from './process-usage.js';
import { SettledReviews } from './settled-reviews.js';
import { submission } from './submission.js';

const CALLERS = 64;
const WARM_UP_REVIEWS = 1_500;
const REVIEWS = 4_000;
const FLOOR_REQUESTS = 4_000;
const LATENCY_REVIEWS = 600;
const SETTLE_LIMIT_MS = 300_000;

export interface PipelineFigures {
  machine: string;
  date: string;
  reviews: number;
  /** Of one submission as it is posted. */
  body_bytes: number;
  reviews_per_s: number;
  accepted_per_s: number;
  express_per_s: number;
  ratios: { pipeline_vs_express: number; accept_vs_express: number };
  cpu_us_per_review: Record<string, number>;
  latency_ms: { rate_per_s: number; p50: number; p99: number };
  rss_mib: Record<string, number>;
}

/** Posts to the whole running system, and to a bare endpoint on the same Postgres, in the same run. */
export async function runPipelineBench(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const say = (line: string): void => void (json || console.log(line));
  const state_directory = await mkdtemp(join(tmpdir(), 'assay-bench-'));
  const options = {
    services: { state_directory },
    durable: true,
    log_directory: join(state_directory, 'logs'),
  };
  const host = await StackHost.launch(join(import.meta.dirname, '..', '..'), options, (line) => say(`  ${line}`));
  const stopOnSignal = (): void => void host.stop().then(() => process.exit(130));
  process.once('SIGINT', stopOnSignal);
  try {
    const figures = await measure(host.address, say);
    if (json) console.log(JSON.stringify(figures));
    else printFigures(figures);
  } finally {
    process.off('SIGINT', stopOnSignal);
    await host.stop();
    await rm(state_directory, { recursive: true, force: true });
  }
}

async function measure(address: StackAddress, say: (line: string) => void): Promise<PipelineFigures> {
  const { stack } = address;
  if (!stack) throw new Error('the stack runs without its services');
  const settled = new SettledReviews(address.kafka.brokers, `${stack.topic_prefix}.review.settled.v1`);
  await settled.start();
  try {
    const target: Target = {
      origin: stack.services.ingest.url,
      path: '/v1/reviews',
      headers: { authorization: `Bearer ${stack.keys.submitter}` },
    };
    say(`warming up with ${WARM_UP_REVIEWS} reviews`);
    await drive(target, settled, WARM_UP_REVIEWS);
    await takeStatistics(address);
    const floor_before = await floor(address, say);
    say(`${REVIEWS} reviews from ${CALLERS} callers`);
    const processes = processesOf(address);
    const before = usage(processes);
    const run = await drive(target, settled, REVIEWS);
    const after = usage(processes);
    const rss_mib = Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, residentMib(pid)]));
    const floor_after = await floor(address, say);
    const express_per_s = (floor_before + floor_after) / 2;
    const latency_ms = await latency(target, settled, stack.sinks.control_url, run.reviews_per_s / 10, say);
    return {
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`,
      date: new Date(performance.timeOrigin).toISOString().slice(0, 10),
      reviews: REVIEWS,
      body_bytes: Buffer.byteLength(submission('1').body),
      reviews_per_s: round(run.reviews_per_s),
      accepted_per_s: round(run.accepted_per_s),
      express_per_s: round(express_per_s),
      ratios: {
        pipeline_vs_express: round(run.reviews_per_s / express_per_s, 3),
        accept_vs_express: round(run.accepted_per_s / express_per_s, 3),
      },
      cpu_us_per_review: Object.fromEntries(
        Object.keys(processes).map((name) => [name, Math.round(((after[name]! - before[name]!) / REVIEWS) * 1e6)]),
      ),
      latency_ms,
      rss_mib,
    };
  } finally {
    await settled.stop();
  }
}

const runId = randomBytes(4).toString('hex');
let sequence = 0;
const newIds = (n: number): string[] => Array.from({ length: n }, () => `${runId}-${sequence++}`);

async function drive(target: Target, settled: SettledReviews, reviews: number) {
  const ids = newIds(reviews);
  const begun_at_ms = performance.now();
  const all = settled.all(ids, SETTLE_LIMIT_MS);
  await closedLoop(target, submission, ids, CALLERS);
  const accepted_s = (performance.now() - begun_at_ms) / 1_000;
  await all;
  const settled_s = (performance.now() - begun_at_ms) / 1_000;
  return { reviews_per_s: reviews / settled_s, accepted_per_s: reviews / accepted_s };
}

/** What autovacuum does within its first minute; until then plans are those of empty tables. */
async function takeStatistics(address: StackAddress): Promise<void> {
  const admin = new pg.Client({ connectionString: address.postgres.admin_url });
  await admin.connect();
  await admin.query('ANALYZE').finally(() => admin.end());
}

/** Requests a second of the bare endpoint. */
async function floor(address: StackAddress, say: (line: string) => void): Promise<number> {
  say(`${FLOOR_REQUESTS} requests to bare Express and pg`);
  const [port] = await freePorts(1);
  const child = fork(join(import.meta.dirname, 'express-floor.js'), [String(port), address.postgres.admin_url]);
  try {
    await ready(child);
    const target: Target = { origin: `http://127.0.0.1:${port}`, path: '/reviews', headers: {} };
    await closedLoop(target, submission, newIds(FLOOR_REQUESTS / 4), CALLERS);
    const begun_at_ms = performance.now();
    await closedLoop(target, submission, newIds(FLOOR_REQUESTS), CALLERS);
    return FLOOR_REQUESTS / ((performance.now() - begun_at_ms) / 1_000);
  } finally {
    child.disconnect();
  }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', (code) => reject(new Error(`the floor ended with ${code}`)));
  });
}

/** From the POST to the webhook at its receiver, with one post at a time at a fixed rate. */
async function latency(
  target: Target,
  settled: SettledReviews,
  control_url: string,
  rate_per_s: number,
  say: (line: string) => void,
): Promise<PipelineFigures['latency_ms']> {
  say(`${LATENCY_REVIEWS} reviews at ${rate_per_s.toFixed(0)} a second`);
  await fetch(`${control_url}/received`, { method: 'DELETE' });
  const ids = newIds(LATENCY_REVIEWS);
  const all = settled.all(ids, SETTLE_LIMIT_MS);
  const posted = await openLoop(target, submission, ids, 1_000 / rate_per_s);
  await all;
  const answer = await fetch(`${control_url}/webhooks`);
  const { webhooks } = (await answer.json()) as { webhooks: { body: string; received_at_ms: number }[] };
  const received_at_ms = new Map(
    webhooks.map((each) => [/"changelist_id":"([^"]+)"/.exec(each.body)?.[1] ?? '', each.received_at_ms]),
  );
  const taken = posted
    .map(({ changelist_id, sent_at_ms }) => (received_at_ms.get(changelist_id) ?? Number.NaN) - sent_at_ms)
    .sort((a, b) => a - b);
  return {
    rate_per_s: round(rate_per_s),
    p50: round(taken[Math.floor(taken.length * 0.5)]!),
    p99: round(taken[Math.floor(taken.length * 0.99)]!),
  };
}

function processesOf({ kafka, postgres, stack }: StackAddress): Record<string, number> {
  const services = Object.entries(stack!.services).map(([name, { pid }]) => [name, pid] as const);
  return { ...Object.fromEntries(services), kafka: kafka.pid, postgres: postgres.pid };
}

function usage(processes: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, cpuSeconds(pid)]));
}

function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

function printFigures(figures: PipelineFigures): void {
  console.log(`\n${figures.machine}, ${figures.date}\n`);
  console.table({
    'bytes of a submission': figures.body_bytes,
    'reviews a second, POST to succeeded': figures.reviews_per_s,
    'accepted a second (POST answered)': figures.accepted_per_s,
    'bare Express + pg, requests a second': figures.express_per_s,
    'pipeline against Express': figures.ratios.pipeline_vs_express,
    [`p50 in ms at ${figures.latency_ms.rate_per_s} a second`]: figures.latency_ms.p50,
    'p99 in ms': figures.latency_ms.p99,
  });
  console.table(
    Object.fromEntries(
      Object.entries(figures.cpu_us_per_review).map(([name, cpu_us]) => [
        name,
        { 'CPU µs a review': cpu_us, 'RSS MiB': figures.rss_mib[name] },
      ]),
    ),
  );
}
