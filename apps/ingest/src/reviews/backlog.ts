import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { Failure, Problem } from '@assay/contracts';
import { createLog, observableGauge } from '@assay/observability';
import { Database } from '@assay/postgres';
import { Readiness } from '@assay/service';
import { INGEST_CONFIG } from '../ingest.config.js';
import type { IngestConfig } from '../ingest.config.js';
import { SUBMITTED_QUEUE } from './acceptance.service.js';
import { notStored } from './unconfirmed.js';

const log = createLog('ingest.backlog', ['backlog_full', 'backlog_sample_failed']);

/** What is asked of a caller while the backlog is full. Kafka may be away for long: no use in coming back at once. */
const RETRY_AFTER_S = 10;
/** The measure may take this share of one connection's time at most. */
const MAX_SHARE = 0.05;

/**
 * Accepted submissions that Kafka has not taken yet (ING-10): an outage refuses nothing until there are too many, well
 * before the disk is full. Measured when a submission comes and the last measure is old, never in its way.
 */
@Injectable()
export class Backlog implements OnModuleDestroy {
  readonly #endGauge: () => void;
  #items = 0;
  #bytes = 0;
  #stale_at = 0;
  #sampling: Promise<void> | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Readiness) readiness: Readiness,
    @Inject(INGEST_CONFIG) private readonly config: IngestConfig,
  ) {
    readiness.register('backlog', () => this.#assertRoom());
    const read = () => [{ value: this.#items }];
    const help = 'Accepted submissions that Kafka has not taken';
    this.#endGauge = observableGauge('assay_submission_backlog_items', help, read);
  }

  async onModuleDestroy(): Promise<void> {
    this.#endGauge();
    await this.#sampling;
  }

  /** Throws 503 while the backlog is full. */
  admit(): void {
    if (performance.now() >= this.#stale_at) void this.sample();
    if (!this.#full) return;
    log.warn('backlog_full', { items: this.#items, bytes: this.#bytes });
    throw new Problem('unavailable', {
      detail: notStored('too many accepted submissions are waiting for Kafka'),
      headers: { 'retry-after': String(RETRY_AFTER_S) },
    });
  }

  get #full(): boolean {
    const { backlog_max_items, backlog_max_bytes } = this.config;
    return this.#items >= backlog_max_items || this.#bytes >= backlog_max_bytes;
  }

  /** For `/readyz` (GEN-10). Measures by itself: a replica that is not ready gets no submissions that would. */
  async #assertRoom(): Promise<void> {
    if (this.#full && performance.now() >= this.#stale_at) await this.sample();
    if (!this.#full) return;
    const message = `${this.#items} accepted submissions wait for Kafka`;
    throw new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'backlog_full', retryable: true, message });
  }

  /** Measures now; one measure at a time. */
  sample(): Promise<void> {
    this.#sampling ??= this.#measure().finally(() => (this.#sampling = undefined));
    return this.#sampling;
  }

  async #measure(): Promise<void> {
    const begun_at = performance.now();
    try {
      const [row] = await this.database.query<{ items: number; bytes: number }>(
        `SELECT count(*) AS items, coalesce(sum(body_bytes), 0)::bigint AS bytes FROM (
           SELECT j.body_bytes FROM work_items w JOIN jobs j ON j.id = w.subject_id::uuid WHERE w.queue = $1 LIMIT $2
         ) AS waiting`,
        [SUBMITTED_QUEUE, this.config.backlog_max_items],
      );
      this.#items = row!.items;
      this.#bytes = row!.bytes;
    } catch (error) {
      log.warn('backlog_sample_failed', {}, error);
    }
    const now = performance.now();
    this.#stale_at = now + Math.max(this.config.backlog_sample_ms, (now - begun_at) / MAX_SHARE);
  }
}
