import { type Explanation, printExplanation } from './explain.js';
import { round } from './statistics.js';
import { type Size, SIZES } from './submission.js';

/** What the bench prints with `--json`. */
export interface PipelineFigures {
  machine: string;
  date: string;
  reviews: number;
  sizes: Record<Size, SizeFigures>;
}

export interface SizeFigures {
  /** Of one submission as it is posted. */
  body_bytes: number;
  reviews_per_s: number;
  accepted_per_s: number;
  express_per_s: number;
  ratios: { pipeline_vs_express: number; accept_vs_express: number };
  /** From POST to the webhook at its receiver, at a tenth of the load. */
  latency_ms: { rate_per_s: number; reviews: number; p50: number; p99: number };
  wal_bytes_per_review: number;
  /** Segments of the write-ahead log that had to be made anew meanwhile: 0 on a cluster that has aged. */
  wal_segments_made: number;
  /** Under the load. */
  cpu_us_per_review: Record<string, number>;
  /** What the bench itself took beside them, of the same processors. */
  bench_cpu_us_per_review: Record<string, number>;
  rss_mib: Record<string, number>;
  /** With `--explain`. */
  explained?: { load: Explanation; latency: Explanation };
}

/** Of a system behind TLS and logins, each divided by the same of a plain one in the same command. */
export interface SecuredRatios {
  reviews_per_s: number;
  accepted_per_s: number;
  /** Processor time a review: of the four services, and of all processes. */
  cpu_of_services: number;
  cpu_of_all: number;
  latency_p50: number;
  latency_p99: number;
}

export function compare(secure: PipelineFigures, plain: PipelineFigures): Record<Size, SecuredRatios> {
  const ratios = SIZES.map((size) => [size, ratiosOf(secure.sizes[size], plain.sizes[size])] as const);
  return Object.fromEntries(ratios) as Record<Size, SecuredRatios>;
}

function ratiosOf(secure: SizeFigures, plain: SizeFigures): SecuredRatios {
  const ratio = (of: (figures: SizeFigures) => number): number => round(of(secure) / of(plain), 3);
  const ofServices = ({ cpu_us_per_review: { kafka: _kafka, postgres: _postgres, ...services } }: SizeFigures) =>
    sum(services);
  return {
    reviews_per_s: ratio((of) => of.reviews_per_s),
    accepted_per_s: ratio((of) => of.accepted_per_s),
    cpu_of_services: ratio(ofServices),
    cpu_of_all: ratio((of) => sum(of.cpu_us_per_review)),
    latency_p50: ratio((of) => of.latency_ms.p50),
    latency_p99: ratio((of) => of.latency_ms.p99),
  };
}

export function printSecured(figures: PipelineFigures, ratios: Record<Size, SecuredRatios>): void {
  console.log('\nby SASL_SSL and verified TLS');
  printFigures(figures);
  console.log('divided by the same without TLS');
  console.table(ratios);
}

export const sum = (values: Record<string, number>): number =>
  Object.values(values).reduce((total, value) => total + value, 0);

export function printFigures({ machine, date, reviews, sizes }: PipelineFigures): void {
  console.log(`\n${machine}, ${date}, ${reviews} reviews of each size\n`);
  const columns = Object.values(sizes);
  const row = (value: (figures: SizeFigures) => number) =>
    Object.fromEntries(columns.map((figures) => [`${figures.body_bytes} bytes`, value(figures)]));
  console.table({
    'reviews a second, POST to succeeded': row((of) => of.reviews_per_s),
    'accepted a second (POST answered)': row((of) => of.accepted_per_s),
    'bare Express + pg, requests a second': row((of) => of.express_per_s),
    'pipeline against Express': row((of) => of.ratios.pipeline_vs_express),
    'reviews a second for the latency': row((of) => of.latency_ms.rate_per_s),
    'p50, POST to webhook, ms': row((of) => of.latency_ms.p50),
    'p99, POST to webhook, ms': row((of) => of.latency_ms.p99),
    'write-ahead log, bytes a review': row((of) => of.wal_bytes_per_review),
    'its segments made anew': row((of) => of.wal_segments_made),
  });
  const processes = Object.keys(columns[0]!.rss_mib);
  console.table({
    ...Object.fromEntries(
      processes.map((name) => [`${name}, CPU µs a review`, row((of) => of.cpu_us_per_review[name]!)]),
    ),
    'all of them': row((of) => sum(of.cpu_us_per_review)),
    'the bench: callers and consumer': row((of) => of.bench_cpu_us_per_review['callers_and_consumer']!),
    'the bench: webhook receiver': row((of) => of.bench_cpu_us_per_review['webhook_receiver']!),
    'of all that was spent, by the bench, %': row((of) => {
      const own = sum(of.bench_cpu_us_per_review);
      return Math.round((own / (own + sum(of.cpu_us_per_review))) * 100);
    }),
    ...Object.fromEntries(processes.map((name) => [`${name}, RSS MiB`, row((of) => of.rss_mib[name]!)])),
  });
  for (const { body_bytes, explained } of columns) {
    if (explained === undefined) continue;
    printExplanation(`${body_bytes} bytes, under load`, explained.load);
    printExplanation(`${body_bytes} bytes, at a tenth of the load`, explained.latency);
  }
}
