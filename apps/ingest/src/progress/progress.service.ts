import { Inject, Injectable } from '@nestjs/common';
import { counter, histogram, LATENCY_SECONDS } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';
import { Batcher, JobWatch } from '../reviews/index.js';
import { heedBatch } from './heed-batch.js';
import type { BatchOutcome } from './heed-batch.js';
import type { News } from './news.js';
import { ProgressRepository } from './progress.repository.js';
import type { ChangedJob, JobInProgress } from './progress.repository.js';
import { settledEvent } from './settled-event.js';
import type { StoredProgress } from './sql/store-progress.js';

/** The queue whose items publish what ingest itself has to say of a job's end. */
export const SETTLED_QUEUE = 'settled';

const heard = counter('assay_job_news_total', 'News of jobs by type and by how it was taken');
const ended = counter('assay_jobs_settled_total', 'Jobs that ended, by state');
const latency = histogram(
  'assay_review_duration_seconds',
  'From acceptance to the end of the job, by the clock of the database, by state.',
  LATENCY_SECONDS,
);

/** Handler calls whose news one transaction takes at most. */
const CALLS_TOGETHER = 8;

interface Told {
  verdicts: string[];
  settled: { job: ChangedJob; stored: StoredProgress }[];
  publish: () => void;
}

/** News in time, stored; and late news of jobs that were given up, which are nobody's neighbours. */
interface Sorted {
  in_time: readonly News[];
  told: Told;
  late: readonly News[];
  given_up: readonly JobInProgress[];
}

/** Moves jobs by the news of the stages (ING-9, ING-11), and tells of each end once. */
@Injectable()
export class ProgressService {
  /**
   * Calls that come while a transaction is under way share the next. News of one job comes by several topics at about
   * the same time: apart, its transactions wait for each other's lock on the job, and write it twice.
   */
  readonly #calls = new Batcher<readonly News[], undefined>((calls) => this.#hearTogether(calls), {
    max_items: CALLS_TOGETHER,
    max_bytes: Infinity,
    max_waiting_bytes: Infinity,
  });

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(ProgressRepository) private readonly repository: ProgressRepository,
    @Inject(JobWatch) private readonly watch: JobWatch,
  ) {}

  /** Takes a batch of news in one transaction; the same batch again changes nothing (GEN-2). */
  async hear(batch: readonly News[]): Promise<void> {
    if (batch.length > 0) await this.#calls.submit(batch, 0);
  }

  async #hearTogether(calls: readonly (readonly News[])[]): Promise<undefined[]> {
    await this.#hear(calls.flat());
    return calls.map(() => undefined);
  }

  async #hear(batch: readonly News[]): Promise<void> {
    const { in_time, told, late, given_up } = await this.database.transaction((tx) => this.#inTime(tx, batch));
    this.#announce(in_time, told);
    if (late.length > 0) {
      this.#announce(late, await this.database.transaction((tx) => this.#late(tx, late, given_up)));
    }
  }

  #announce(batch: readonly News[], { verdicts, settled, publish }: Told): void {
    publish();
    this.watch.settled(settled.map(({ job }) => job.id));
    verdicts.forEach((verdict, index) => heard.add(1, { type: batch[index]!.type, verdict }));
    for (const { job, stored } of settled) {
      ended.add(1, { state: job.state });
      // A replayed job has waited for its operator: that says nothing about the pipeline.
      if (job.generation === 0) latency.record(stored.took_s ?? 0, { state: job.state });
    }
  }

  async #inTime(tx: Tx, batch: readonly News[]): Promise<Sorted> {
    const jobs = await this.repository.lock(tx, [...new Set(batch.map(({ job_id }) => job_id))]);
    const given_up = [...jobs.values()].filter((job) => job.given_up);
    const ids = new Set(given_up.map(({ id }) => id));
    const [in_time, late] = [batch.filter((one) => !ids.has(one.job_id)), batch.filter((one) => ids.has(one.job_id))];
    return { in_time, told: await this.#store(tx, heedBatch(jobs, in_time)), late, given_up };
  }

  /**
   * A transaction of their own: a job that goes on stands again, which must wait for submissions of its changelist, and
   * their locks are taken before any job's.
   */
  async #late(tx: Tx, news: readonly News[], given_up: readonly JobInProgress[]): Promise<Told> {
    const { jobs, standing } = await this.repository.lockContested(tx, given_up);
    return this.#store(tx, heedBatch(jobs, news, standing));
  }

  async #store(tx: Tx, { changed, hops, verdicts }: BatchOutcome): Promise<Told> {
    const rows = hops.length === 0 ? [] : await this.repository.store(tx, changed, hops);
    const stored = new Map(rows.map((row) => [row.id, row]));
    const settled = changed.filter((job) => job.settles).map((job) => ({ job, stored: stored.get(job.id)! }));
    const events = settled.map(({ job, stored: { ingest_revision, settled_at } }) =>
      settledEvent(job, { revision: ingest_revision, occurred_at: settled_at! }),
    );
    const telling = settled.map(({ job }, index) => {
      const own = [events[index]!];
      return { item: settledItem(job, encodeEvents(own)), events: own };
    });
    return { verdicts, settled, publish: this.queue.tell(tx, telling) };
  }
}

/** The events are the item's payload: counts and deliveries may change after the end, what was told of it may not. */
export function settledItem(
  job: { id: string; generation: number; priority: number; correlation_id: string; traceparent: string | null },
  payload: Buffer,
): NewItem {
  const { id: subject_id, generation, priority, correlation_id, traceparent } = job;
  const queue = SETTLED_QUEUE;
  return { queue, subject_id, generation, priority, phase: 'publish', payload, correlation_id, traceparent };
}
