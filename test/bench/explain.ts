import { request } from 'node:http';
import { join } from 'node:path';
import type pg from 'pg';
import type { StackAddress } from '../../infra/local/host-protocol.js';
import type { PostgresSettings } from '../../infra/local/postgres.js';
import type { Probed } from './probe.js';
import { Follower, LOGGED_MS, type LoggedStatement, loggedStatements, LOGGING_SETTINGS } from './statements-log.js';
import { waitedForCpuMs } from './process-usage.js';
import { coveredMs, percentile, percentileOfTail, round, type Span } from './statistics.js';

/** What `--explain` says of one service in one window. */
export interface ServiceExplanation {
  /** For which its thread was ready and no processor was free. */
  waited_for_cpu_ms: number;
  /** How late ticks of its event loop came. */
  loop_late_ms: { p50: number; p99: number; max: number };
  garbage: { collections: number; ms: number; longest_ms: number };
  /** Their durations in Postgres; null is less than the log's threshold. */
  commits: { count: number; p50_ms: number | null; p99_ms: number | null; max_ms: number | null };
  /** Handler calls of the consumer. */
  batches: { count: number; records: number; ms: number };
  publish_ms: number;
}

export interface Explanation {
  services: Record<string, ServiceExplanation>;
  /** Syncs of the write-ahead log. */
  wal_syncs: { count: number; ms: number };
  /** Milliseconds during which something was under way, of a review among the slowest and of any: means. */
  slowest: { reviews: number; took_ms: Means; under_way: Record<string, Means> } | null;
}
interface Means {
  slowest: number;
  all: number;
}

const SLOWEST_SHARE = 0.02;

export const EXPLAIN_SETTINGS: PostgresSettings = {
  ...LOGGING_SETTINGS,
  // How many commits there were in all: the log holds the slow ones.
  shared_preload_libraries: 'pg_stat_statements',
};

interface Counters {
  waited_ms: Record<string, number>;
  probed: Record<string, Probed>;
  metrics: Record<string, Record<string, number>>;
  commits: Record<string, number>;
  syncs: { count: number; ms: number };
}

/** Looks into the services and Postgres while something is measured. */
export class Explainer {
  constructor(
    private readonly address: StackAddress,
    private readonly admin: pg.Client,
    /** Where the services' probes listen. */
    private readonly sockets: string,
  ) {}

  async prepare(): Promise<void> {
    await this.admin.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  }

  /** @param spans of each review, where the work measured them */
  async during<T>(
    work: () => Promise<T>,
    spans: (result: T) => Span[],
  ): Promise<{ result: T; explanation: Explanation }> {
    const before = await this.#counters();
    const log = await Follower.of(join(this.address.log_directory, 'postgres.log'));
    const result = await work();
    const after = await this.#counters();
    const statements = loggedStatements(await log.read());
    return { result, explanation: explain(before, after, statements, spans(result)) };
  }

  async #counters(): Promise<Counters> {
    const services = Object.entries(this.address.stack!.services);
    const of = async <T>(read: (name: string, at: { pid: number; probes_url: string }) => Promise<T>) =>
      Object.fromEntries(await Promise.all(services.map(async ([name, at]) => [name, await read(name, at)] as const)));
    return {
      waited_ms: await of((_name, { pid }) => Promise.resolve(waitedForCpuMs(pid))),
      metrics: await of(async (_name, { probes_url }) => sums(await (await fetch(`${probes_url}/metrics`)).text())),
      ...(await this.#ofPostgres()),
      // Last, for it begins the window of the probes.
      probed: await of((_name, { pid }) => ask(join(this.sockets, `${pid}.sock`))),
    };
  }

  async #ofPostgres(): Promise<Pick<Counters, 'commits' | 'syncs'>> {
    const commits = await this.admin.query<{ role: string; calls: number }>(
      `SELECT rolname AS role, sum(calls)::integer AS calls
         FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid WHERE query = 'COMMIT' GROUP BY 1`,
    );
    const syncs = await this.admin.query<{ count: number; ms: number }>(
      `SELECT sum(fsyncs)::integer AS count, sum(fsync_time)::float8 AS ms FROM pg_stat_io
         WHERE object = 'wal' AND context = 'normal'`,
    );
    return {
      commits: Object.fromEntries(commits.rows.map(({ role, calls }) => [role.replace(/^assay_/, ''), calls])),
      syncs: { count: syncs.rows[0]?.count ?? 0, ms: syncs.rows[0]?.ms ?? 0 },
    };
  }
}

function ask(socket: string): Promise<Probed> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socket }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve(JSON.parse(text) as Probed));
    });
    asked.on('error', reject).end();
  });
}

/** Sums and counts of histograms over all their labels. */
export function sums(metrics: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [, name, value] of metrics.matchAll(/^(\w+_(?:sum|count))(?:\{.*\})? (\S+)/gm)) {
    found[name!] = (found[name!] ?? 0) + Number(value);
  }
  return found;
}

const schemaOf = (service: string): string => service.replace('-', '_');

function explain(before: Counters, after: Counters, statements: LoggedStatement[], reviews: Span[]): Explanation {
  const names = Object.keys(after.probed);
  const under_way: Record<string, Span[]> = {};
  const services: Record<string, ServiceExplanation> = {};
  for (const name of names) {
    const { stalls, pauses } = after.probed[name]!;
    const own = statements.filter(({ service }) => service === schemaOf(name));
    const commits = own.filter((each) => each.name === 'COMMIT');
    const others = own.filter((each) => each.name !== 'COMMIT');
    Object.assign(under_way, {
      [`${name}: event loop late`]: stalls,
      [`${name}: garbage`]: pauses,
      [`${name}: commit`]: commits,
      [`${name}: other statement`]: others,
    });
    const count = (after.commits[schemaOf(name)] ?? 0) - (before.commits[schemaOf(name)] ?? 0);
    const metrics = (metric: string) => (after.metrics[name]![metric] ?? 0) - (before.metrics[name]![metric] ?? 0);
    const waited_for_cpu_ms = round(after.waited_ms[name]! - before.waited_ms[name]!);
    services[name] = { waited_for_cpu_ms, ...ofService(after.probed[name]!, commits, count, metrics) };
  }
  const count = after.syncs.count - before.syncs.count;
  const wal_syncs = { count, ms: each(after.syncs.ms - before.syncs.ms, count) };
  return { services, wal_syncs, slowest: slowest(reviews, under_way) };
}

function ofService(
  { late_ms, pauses, collections, collecting_ms }: Probed,
  commits: readonly Span[],
  count: number,
  metric: (name: string) => number,
): Omit<ServiceExplanation, 'waited_for_cpu_ms'> {
  const durations = commits.map(({ took_ms }) => took_ms);
  const ofCommits = (share: number): number | null => {
    const ms = percentileOfTail(durations, count, share);
    return ms === null ? null : round(ms);
  };
  const handled = metric('assay_kafka_handler_seconds_count');
  const published = metric('assay_kafka_publish_seconds_count');
  return {
    loop_late_ms: {
      p50: round(percentile(late_ms, 0.5)),
      p99: round(percentile(late_ms, 0.99)),
      max: round(percentile(late_ms, 1)),
    },
    garbage: {
      collections,
      ms: round(collecting_ms),
      longest_ms: round(Math.max(0, ...pauses.map(({ took_ms }) => took_ms))),
    },
    commits: {
      count,
      p50_ms: ofCommits(0.5),
      p99_ms: ofCommits(0.99),
      max_ms: ofCommits(1),
    },
    batches: {
      count: handled,
      records: each(metric('assay_kafka_batch_records_sum'), metric('assay_kafka_batch_records_count')),
      ms: each(metric('assay_kafka_handler_seconds_sum') * 1_000, handled),
    },
    publish_ms: each(metric('assay_kafka_publish_seconds_sum') * 1_000, published),
  };
}

const each = (sum: number, count: number): number => (count === 0 ? 0 : round(sum / count));

function slowest(reviews: readonly Span[], under_way: Record<string, Span[]>): Explanation['slowest'] {
  if (reviews.length === 0) return null;
  const share = Math.ceil(reviews.length * SLOWEST_SHARE);
  const slow = [...reviews].sort((a, b) => b.took_ms - a.took_ms).slice(0, share);
  const means = (of: (review: Span) => number): Means => {
    const mean = (some: readonly Span[]) => round(some.reduce((sum, review) => sum + of(review), 0) / some.length);
    return { slowest: mean(slow), all: mean(reviews) };
  };
  const causes = Object.entries(under_way)
    .map(([cause, spans]) => [cause, means((review) => coveredMs(spans, review))] as const)
    .filter(([, { slowest: ms }]) => ms > 0)
    .sort(([, a], [, b]) => b.slowest - b.all - (a.slowest - a.all));
  return { reviews: share, took_ms: means(({ took_ms }) => took_ms), under_way: Object.fromEntries(causes) };
}

/** Milliseconds, where nothing else is said. */
export function printExplanation(title: string, { services, wal_syncs, slowest: slow }: Explanation): void {
  console.log(`\n${title}: ${wal_syncs.count} syncs of the write-ahead log, ${wal_syncs.ms} ms each`);
  const known = (ms: number | null): number | string => ms ?? `< ${LOGGED_MS}`;
  const rows = Object.entries(services).map(([name, of]) => [
    name,
    {
      'no CPU free, ms': of.waited_for_cpu_ms,
      'loop late, p99': of.loop_late_ms.p99,
      'at most': of.loop_late_ms.max,
      'garbage, ms': of.garbage.ms,
      longest: of.garbage.longest_ms,
      commits: of.commits.count,
      ...(of.commits.count === 0
        ? {}
        : { 'ms, p50': known(of.commits.p50_ms), p99: known(of.commits.p99_ms), max: known(of.commits.max_ms) }),
      batches: of.batches.count,
      'records each': of.batches.records,
      'ms each': of.batches.ms,
      'publish, ms': of.publish_ms,
    },
  ]);
  console.table(Object.fromEntries(rows));
  if (slow === null) return;
  const { took_ms, reviews, under_way } = slow;
  console.log(
    `the slowest ${reviews} took ${took_ms.slowest} ms, all ${took_ms.all} ms; of that, in ms, there was under way`,
  );
  console.table(under_way);
}
