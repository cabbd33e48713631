import { Inject, Injectable } from '@nestjs/common';
import { createLog } from '@assay/observability';
import { Shutdown } from '@assay/service';
import { INGEST_CONFIG } from '../ingest.config.js';
import type { IngestConfig } from '../ingest.config.js';
import { JobsRepository } from './jobs.repository.js';

const log = createLog('ingest.watch', ['look_failed']);

/** Callers that one replica lets wait; the next ones are answered at once with the job as it is. */
const MAX_WAITING = 10_000;

/**
 * Lets callers wait for the end of their jobs (`wait_s`): a signal when this process hears of it, and one look at the
 * database every 50 ms for all waiting callers together, because another replica may be the one that hears.
 */
@Injectable()
export class JobWatch {
  readonly #waiting = new Map<string, Set<() => void>>();
  #count = 0;
  #looking = false;

  constructor(
    @Inject(JobsRepository) private readonly jobs: JobsRepository,
    @Inject(Shutdown) private readonly shutdown: Shutdown,
    @Inject(INGEST_CONFIG) private readonly config: IngestConfig,
  ) {}

  /** Resolves when the job has ended, after `wait_ms`, or when the process is about to stop. */
  async untilSettled(job_id: string, wait_ms: number): Promise<void> {
    if (this.#count >= MAX_WAITING || this.shutdown.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.shutdown.signal.removeEventListener('abort', wake);
        this.#remove(job_id, wake);
        resolve();
      };
      const timer = setTimeout(wake, wait_ms);
      this.shutdown.signal.addEventListener('abort', wake);
      this.#add(job_id, wake);
    });
  }

  /** Says that these jobs have ended, after the commit that ended them. */
  settled(job_ids: readonly string[]): void {
    for (const job_id of job_ids) for (const wake of [...(this.#waiting.get(job_id) ?? [])]) wake();
  }

  #add(job_id: string, wake: () => void): void {
    const waiting = this.#waiting.get(job_id) ?? new Set();
    waiting.add(wake);
    this.#waiting.set(job_id, waiting);
    this.#count += 1;
    this.#lookSoon();
  }

  #remove(job_id: string, wake: () => void): void {
    const waiting = this.#waiting.get(job_id);
    this.#count -= 1;
    waiting?.delete(wake);
    if (waiting?.size === 0) this.#waiting.delete(job_id);
  }

  /** The loop runs only while somebody waits. */
  #lookSoon(): void {
    if (this.#looking || this.#count === 0) return;
    this.#looking = true;
    setTimeout(() => {
      void this.#look().finally(() => {
        this.#looking = false;
        this.#lookSoon();
      });
    }, this.config.wait_poll_ms);
  }

  async #look(): Promise<void> {
    if (this.#waiting.size === 0) return;
    try {
      this.settled(await this.jobs.settledAmong([...this.#waiting.keys()]));
    } catch (error) {
      // Postgres is away: the callers go on waiting, and get the job as it is when their time is up.
      log.warn('look_failed', {}, error);
    }
  }
}
