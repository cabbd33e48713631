import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { actorOf, redact } from '@assay/security';
import type { Principal } from '@assay/security';
import { WorkQueue } from '@assay/work-queue';
import { ReviewsService } from '../reviews/index.js';
import type { JobDetail } from '../reviews/index.js';
import { CANCELLED_REVISION, cancelledEvent, cancelledItem } from './cancelled-event.js';
import { LOCK_CANCELLED, TELL_CANCELLED } from './sql/cancel-job.js';
import type { CancellableJob } from './sql/cancel-job.js';

const log = createLog('ingest.cancelling', ['review_cancelled']);
const cancelled = counter('assay_reviews_cancelled_total', 'Generations of jobs that were cancelled');

/**
 * Says that nobody is to be told of a job any more (ING-13). The job itself moves by what becomes of its deliveries:
 * the notifier alone knows what was sent, and gives up the rest.
 */
@Injectable()
export class CancellingService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(ReviewsService) private readonly reviews: ReviewsService,
  ) {}

  /** Throws `not_found` for a job of another source, and `job_settled` for one that has ended uncancelled. */
  async cancel(principal: Principal, job_id: string, reason: string): Promise<JobDetail> {
    await this.reviews.get(principal, job_id, 0);
    const actor = actorOf(principal);
    const publish = await this.database.transaction((tx) => this.#store(tx, job_id, actor, redact(reason)));
    publish();
    return this.reviews.get(principal, job_id, 0);
  }

  async #store(tx: Tx, job_id: string, actor: string, reason: string): Promise<() => void> {
    const [job] = await tx.query<CancellableJob>(LOCK_CANCELLED, [job_id]);
    if (!job) throw new Problem('not_found');
    const event = cancelledEvent(job, actor, reason);
    const cause = `cancelled by ${actor}: ${reason}`;
    const line = [job_id, event.id, job.generation, CANCELLED_REVISION, job.now, cause];
    const told = await tx.query(TELL_CANCELLED, line);
    if (told.length === 0) return () => undefined;
    if (job.settled_at !== null) throw new Problem('job_settled', { extensions: { job_id } });
    tx.afterCommit(() => {
      cancelled.add(1);
      log.info('review_cancelled', { job_id, source: job.source, generation: job.generation, actor });
    });
    return this.queue.tell(tx, [{ item: cancelledItem(job, event), events: [event] }]);
  }
}
