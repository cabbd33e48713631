import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { Liveness, lookIntervalMs, PeriodicTask } from '@assay/service';
import { encodeEvents, oneByOne, WorkQueue } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';
import { INGEST_CONFIG } from '../ingest.config.js';
import type { IngestConfig } from '../ingest.config.js';
import { answerItem, ReplayRepository, startsFromSubmission } from '../replay/index.js';
import { JobWatch, submittedItem } from '../reviews/index.js';
import { ForgottenJobsRepository } from './forgotten-jobs.repository.js';
import type { QuietJob } from './forgotten-jobs.repository.js';
import { MAX_REMINDERS, noNewsEvent, noNewsHop } from './no-news.js';
import { settledItem } from './progress.service.js';
import { settledEvent } from './settled-event.js';

const log = createLog('ingest.forgotten', ['job_reminded', 'job_given_up', 'look_failed']);
const reminded = counter('assay_jobs_reminded_total', 'Submissions published again because nobody told of their job');
const given_up = counter('assay_jobs_given_up_total', 'Jobs that no stage told of after three publications');

const LOOK_LIMIT = 100;

/** No job is forgotten (ING-11): what nobody tells of is published again, three times, and then is a dead letter. */
@Injectable()
export class ForgottenJobsService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #task: PeriodicTask;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(ForgottenJobsRepository) private readonly repository: ForgottenJobsRepository,
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
    @Inject(JobWatch) private readonly watch: JobWatch,
    @Inject(Liveness) liveness: Liveness,
    @Inject(INGEST_CONFIG) private readonly config: IngestConfig,
  ) {
    const interval_ms = lookIntervalMs(config.no_news_ms);
    this.#task = new PeriodicTask(liveness, { name: 'forgotten_jobs', interval_ms, run: () => this.lookOnce() });
  }

  onApplicationBootstrap(): void {
    this.#task.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.#task.stop();
  }

  /**
   * Looks once; returns how many jobs were reminded of and how many were given up. One that can be neither is left, and
   * alone (GEN-7).
   */
  async lookOnce(): Promise<{ reminded: number; given_up: number }> {
    const total = { reminded: 0, given_up: 0 };
    const left = await oneByOne(
      await this.repository.find(this.database, this.config.no_news_ms, LOOK_LIMIT),
      async (ids) => {
        const { forgotten, lost } = await this.database.transaction((tx) => this.#act(tx, ids));
        this.#announce(forgotten, lost);
        total.reminded += forgotten.length;
        total.given_up += lost.length;
      },
      (job_id, failure) => log.error('look_failed', { job_id }, failure),
    );
    if (left) throw left.failure;
    return total;
  }

  #announce(forgotten: readonly QuietJob[], lost: readonly QuietJob[]): void {
    if (forgotten.length + lost.length > 0) this.queue.notify();
    for (const { id, source, stage, state } of forgotten)
      log.warn('job_reminded', { job_id: id, source, stage, state });
    for (const { id, source, stage, state } of lost) log.error('job_given_up', { job_id: id, source, stage, state });
    reminded.add(forgotten.length);
    given_up.add(lost.length);
    this.watch.settled(lost.map(({ id }) => id));
  }

  async #act(tx: Tx, ids: readonly string[]): Promise<{ forgotten: QuietJob[]; lost: QuietJob[] }> {
    const quiet = await this.repository.lock(tx, ids, this.config.no_news_ms);
    const forgotten = quiet.filter((job) => job.reminders < MAX_REMINDERS);
    const lost = quiet.filter((job) => job.reminders >= MAX_REMINDERS);
    if (forgotten.length > 0) {
      await this.repository.remind(
        tx,
        forgotten.map(({ id }) => id),
      );
      this.queue.insert(tx, await this.#again(tx, forgotten));
    }
    if (lost.length > 0) await this.#giveUp(tx, lost);
    return { forgotten, lost };
  }

  /** What began the generation, said again; the stored result of every later stage answers it (GEN-2). */
  async #again(tx: Tx, forgotten: readonly QuietJob[]): Promise<NewItem[]> {
    const replayed = await this.replays.beginnings(
      tx,
      forgotten.filter(({ generation }) => generation > 0),
    );
    const answers = new Map(replayed.map((row) => [row.job_id, row]));
    return forgotten.map((job) => {
      const begun = answers.get(job.id);
      if (begun === undefined || startsFromSubmission(begun.start_stage)) return submittedItem(job);
      return answerItem(job, begun.answer);
    });
  }

  async #giveUp(tx: Tx, lost: readonly QuietJob[]): Promise<void> {
    const ends = await this.repository.giveUp(
      tx,
      lost.map((job) => ({ id: job.id, hop: noNewsHop(job) })),
    );
    const items = lost.map((job) => {
      const { settled_at: occurred_at, revision } = ends.get(job.id)!;
      const events = [
        noNewsEvent(job),
        settledEvent({ ...job, state: 'failed', given_up: true }, { revision, occurred_at }, this.config),
      ];
      return settledItem(job, encodeEvents(events));
    });
    this.queue.insert(tx, items);
  }
}
