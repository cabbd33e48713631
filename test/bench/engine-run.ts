import { definePolicy, prepareChangedFiles, validateReview } from '@assay/review-engine';
import { engineContenders } from './engine-contenders.js';
import type { Contender } from './engine-contenders.js';
import { engineCorpus, largePayload } from './engine-corpus.js';
import type { Payload } from './engine-corpus.js';
import { brokenAnswers, untidyCorpus } from './untidy-corpus.js';

const PAYLOADS = 2_000;
const RUNS = 7;
const WARM_UPS = 2;

export interface Rate {
  median: number;
  min: number;
  max: number;
}

export interface EngineFigures {
  payloads: number;
  runs: number;
  bytes_per_payload: number;
  /** What the engine finds wrong in them all, and how many it rejects. */
  corpus: Wrong;
  untidy_corpus: Wrong;
  /** Payloads a second of CPU time, with 12 and with 200 changed files; and of the untidy ones, with 12. */
  rates: Record<Corpus, Record<string, Rate>>;
  ratios: Record<RatioName, number>;
  /** Milliseconds of CPU time for one review as it grows; a doubling costs a doubling. */
  growth: { findings: number; files: number; bytes: number; ms: number }[];
  /** The same of one answer that has to be repaired, by what is wrong with it. */
  repairs: { of: string; bytes: number; edits: number; ms: number }[];
}

export type Corpus = 'files_12' | 'files_200' | 'untidy';
export type RatioName =
  'vs_json_parse' | 'vs_ajv_all_errors' | 'files_200_vs_12' | 'untidy_vs_json_parse' | 'untidy_vs_ajv_all_errors';
interface Wrong {
  rejected: number;
  by_code: Record<string, number>;
}

/** By CPU time: on one core alone it is the time on the wall, and a busy neighbour falsifies it far less. */
function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function rateOf(contender: Contender, corpus: readonly Payload[]): number {
  const cpu_ms = cpuMsOf(() => {
    for (const payload of corpus) contender(payload);
  });
  return corpus.length / (cpu_ms / 1_000);
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

const summary = (rates: readonly number[]): Rate => ({
  median: Math.round(middle(rates)),
  min: Math.round(Math.min(...rates)),
  max: Math.round(Math.max(...rates)),
});

/** All contenders take turns in each run, so that a busy neighbour slows them alike; ratios are taken within a run. */
function measure() {
  const contenders = engineContenders();
  const corpora: Record<Corpus, Payload[]> = {
    files_12: engineCorpus(PAYLOADS, 12),
    files_200: engineCorpus(PAYLOADS, 200),
    untidy: untidyCorpus(PAYLOADS, 12),
  };
  const rates: Record<Corpus, Record<string, number[]>> = { files_12: {}, files_200: {}, untidy: {} };
  for (let run = -WARM_UPS; run < RUNS; run += 1) {
    for (const [name, contender] of Object.entries(contenders)) {
      for (const corpus of Object.keys(corpora) as Corpus[]) {
        const rate = rateOf(contender, corpora[corpus]);
        if (run >= 0) (rates[corpus][name] ??= []).push(rate);
      }
    }
  }
  return { corpora, rates };
}

function wrongIn(corpus: readonly Payload[]): Wrong {
  const policy = definePolicy();
  const by_code: Record<string, number> = {};
  let rejected = 0;
  for (const { raw, changed_files } of corpus) {
    const { outcome, counts } = validateReview({ raw }, prepareChangedFiles({ changed_files }), policy);
    if (outcome === 'rejected') rejected += 1;
    for (const [code, count] of Object.entries(counts.by_code)) by_code[code] = (by_code[code] ?? 0) + count;
  }
  return { rejected, by_code };
}

/** Up to the limits of VAL-10 and ING-1: 5,000 findings, 20,000 changed files, 2 MiB. */
function growth(): EngineFigures['growth'] {
  const policy = definePolicy();
  const sizes = [8, 4, 2, 1].map((part) => ({
    findings: 5_000 / part,
    files: 20_000 / part,
    bytes: (2 * 1024 * 1024) / part,
  }));
  return sizes.map((size) => {
    const { raw, changed_files } = largePayload(size);
    const judge = () => validateReview({ raw }, prepareChangedFiles({ changed_files }), policy);
    const { kept } = judge().counts;
    if (kept !== size.findings) throw new Error(`${kept} of ${size.findings} findings were kept`);
    const times = Array.from({ length: RUNS * 3 }, () => cpuMsOf(() => void judge()));
    return { findings: size.findings, files: size.files, bytes: raw.length, ms: Number(middle(times).toFixed(2)) };
  });
}

/** Up to the limit of VAL-10: 2 MiB, each character group of which needs an edit. */
function repairs(): EngineFigures['repairs'] {
  const policy = definePolicy();
  const files = prepareChangedFiles({ changed_files: ['a.c'] });
  return [8, 4, 2, 1].flatMap((part) =>
    Object.entries(brokenAnswers((2 * 1024 * 1024) / part)).map(([of, raw]) => {
      const judge = () => validateReview({ raw }, files, policy);
      const { outcome, counts } = judge();
      if (outcome !== 'accepted') throw new Error(`an answer with ${of} was rejected`);
      const times = Array.from({ length: RUNS }, () => cpuMsOf(() => void judge()));
      const edits = Object.values(counts.by_code).reduce((sum, count) => sum + count, 0);
      return { of, bytes: raw.length, edits, ms: Number(middle(times).toFixed(1)) };
    }),
  );
}

function figures(): EngineFigures {
  const { corpora, rates } = measure();
  const ratio = (over: number[], under: number[]) =>
    Number(middle(over.map((rate, run) => rate / under[run]!)).toFixed(3));
  const { files_12: few, files_200: many, untidy } = rates;
  const summaries = (of: Record<string, number[]>) =>
    Object.fromEntries(Object.entries(of).map(([name, all]) => [name, summary(all)]));
  const bytes = corpora.files_12.reduce((sum, { raw }) => sum + raw.length, 0);
  return {
    payloads: PAYLOADS,
    runs: RUNS,
    bytes_per_payload: Math.round(bytes / PAYLOADS),
    corpus: wrongIn(corpora.files_12),
    untidy_corpus: wrongIn(corpora.untidy),
    rates: { files_12: summaries(few), files_200: summaries(many), untidy: summaries(untidy) },
    ratios: {
      vs_json_parse: ratio(few['assay']!, few['json_parse']!),
      vs_ajv_all_errors: ratio(few['assay']!, few['ajv_all_errors']!),
      files_200_vs_12: ratio(many['assay']!, few['assay']!),
      untidy_vs_json_parse: ratio(untidy['assay']!, untidy['json_parse']!),
      untidy_vs_ajv_all_errors: ratio(untidy['assay']!, untidy['ajv_all_errors']!),
    },
    growth: growth(),
    repairs: repairs(),
  };
}

process.stdout.write(JSON.stringify(figures()));
