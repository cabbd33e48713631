import { Inject, Injectable } from '@nestjs/common';
import { counter, histogram, LATENCY_SECONDS } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';
import { Batcher, JobWatch } from '../reviews/index.js';
import { heedBatch } from './heed-batch.js';
import type { News } from './news.js';
import { ProgressRepository } from './progress.repository.js';
import type { ChangedJob } from './progress.repository.js';
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

/** Moves jobs by the news of the stages (ING-9), and tells once when one has ended. */
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
    const told = await this.database.transaction((tx) => this.#store(tx, batch));
    told.publish();
    this.watch.settled(told.settled.map(({ job }) => job.id));
    told.verdicts.forEach((verdict, index) => heard.add(1, { type: batch[index]!.type, verdict }));
    for (const { job, stored } of told.settled) {
      ended.add(1, { state: job.state });
      // A replayed job has waited for its operator: that says nothing about the pipeline.
      if (job.generation === 0) latency.record(stored.took_s ?? 0, { state: job.state });
    }
  }

  async #store(tx: Tx, batch: readonly News[]): Promise<Told> {
    const jobs = await this.repository.lock(tx, [...new Set(batch.map(({ job_id }) => job_id))]);
    const { changed, hops, verdicts } = heedBatch(jobs, batch);
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
