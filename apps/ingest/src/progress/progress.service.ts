import { Inject, Injectable } from '@nestjs/common';
import { counter, histogram, LATENCY_SECONDS } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import type { PublicUrls } from '@assay/service';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';
import { INGEST_CONFIG } from '../ingest.config.js';
import { Batcher, contestBusy, JobWatch } from '../reviews/index.js';
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

/** News of jobs that were given up, and these jobs as they were found. */
interface Late {
  news: readonly News[];
  jobs: readonly JobInProgress[];
}

/** News in time, stored; and late news, which are nobody's neighbours. */
interface Sorted {
  in_time: readonly News[];
  told: Told;
  given_up: ReadonlyMap<string, JobInProgress>;
}

/** Moves jobs by the news of the stages (ING-9, ING-11), and tells of each end once. */
@Injectable()
export class ProgressService {
  /**
   * Calls that come while a transaction is under way share the next. News of one job comes by several topics at about
   * the same time: apart, its transactions wait for each other's lock on the job, and write it twice.
   */
  readonly #calls = new Batcher<readonly News[], Late>((calls) => this.#hearTogether(calls), {
    max_items: CALLS_TOGETHER,
    max_bytes: Infinity,
    max_waiting_bytes: Infinity,
  });

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(ProgressRepository) private readonly repository: ProgressRepository,
    @Inject(JobWatch) private readonly watch: JobWatch,
    @Inject(INGEST_CONFIG) private readonly urls: PublicUrls,
  ) {}

  /**
   * Takes a batch of news in one transaction, and its late ones in another; again, it changes nothing (GEN-2). Rejects
   * with a conflict, to be heard again, where a submission of a late one's changelist is under way: what waited for it
   * here would hold up the news of all others.
   */
  async hear(batch: readonly News[]): Promise<void> {
    if (batch.length === 0) return;
    const late = await this.#calls.submit(batch, 0);
    if (late.news.length > 0) await this.#hearLate(late);
  }

  /** Returns each call's late news. */
  async #hearTogether(calls: readonly (readonly News[])[]): Promise<Late[]> {
    const batch = calls.flat();
    const { in_time, told, given_up } = await this.database.transaction((tx) => this.#inTime(tx, batch));
    this.#announce(in_time, told);
    return calls.map((call) => {
      const news = call.filter(({ job_id }) => given_up.has(job_id));
      return { news, jobs: [...new Set(news.map(({ job_id }) => given_up.get(job_id)!))] };
    });
  }

  async #hearLate({ news, jobs }: Late): Promise<void> {
    const { heard, told } = await this.database.transaction((tx) => this.#takeUpAgain(tx, news, jobs));
    this.#announce(heard, told);
    if (heard.length < news.length) throw contestBusy();
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
    const given_up = new Map([...jobs].filter(([, job]) => job.given_up));
    const in_time = batch.filter(({ job_id }) => !given_up.has(job_id));
    return { in_time, told: await this.#store(tx, heedBatch(jobs, in_time)), given_up };
  }

  /**
   * A transaction of their own: a job that goes on stands again, which no submission of its changelist must see half
   * done, and their locks are taken before any job's.
   */
  async #takeUpAgain(
    tx: Tx,
    news: readonly News[],
    given_up: readonly JobInProgress[],
  ): Promise<{ heard: readonly News[]; told: Told }> {
    const { jobs, standing } = await this.repository.lockContested(tx, given_up);
    const heard = news.filter(({ job_id }) => jobs.has(job_id));
    return { heard, told: await this.#store(tx, heedBatch(jobs, heard, standing)) };
  }

  async #store(tx: Tx, { changed, hops, verdicts }: BatchOutcome): Promise<Told> {
    const rows = hops.length === 0 ? [] : await this.repository.store(tx, changed, hops);
    const stored = new Map(rows.map((row) => [row.id, row]));
    const settled = changed.filter((job) => job.settles).map((job) => ({ job, stored: stored.get(job.id)! }));
    const events = settled.map(({ job, stored: { ingest_revision, settled_at } }) =>
      settledEvent(job, { revision: ingest_revision, occurred_at: settled_at! }, this.urls),
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
  job: Pick<NewItem, 'generation' | 'priority' | 'correlation_id' | 'traceparent'> & { id: string; source: string },
  payload: Buffer,
): NewItem {
  const { id: subject_id, source, generation, priority, correlation_id, traceparent } = job;
  const queue = SETTLED_QUEUE;
  return { queue, source, subject_id, generation, priority, phase: 'publish', payload, correlation_id, traceparent };
}
