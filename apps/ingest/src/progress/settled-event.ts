import { jobEvent } from '@assay/contracts';
import type { OutgoingEvent, ReviewSettled } from '@assay/contracts';
import { reviewLinks } from '@assay/service';
import type { PublicUrls } from '@assay/service';
import type { JobInProgress } from './progress.repository.js';

/** `review.settled`: where a job of this generation ended, told once for each end (ING-9, ING-11). */
export function settledEvent(
  job: JobInProgress,
  settled: { revision: number; occurred_at: string },
  urls: PublicUrls,
): OutgoingEvent {
  const data: ReviewSettled = {
    job_id: job.id,
    source: job.source,
    changelist_id: job.changelist_id,
    review_version: job.review_version,
    generation: job.generation,
    revision: settled.revision,
    occurred_at: settled.occurred_at,
    correlation_id: job.correlation_id,
    state: job.state,
    counts: job.counts,
    ...(job.reading !== null && { reading: job.reading }),
    ...(job.truncated !== null && { truncated: job.truncated }),
    deliveries: job.deliveries?.by_channel ?? {},
    ...(job.deliveries?.withheld && { withheld: job.deliveries.withheld }),
    given_up: job.given_up,
    links: reviewLinks(job.id, urls),
  };
  return jobEvent('review.settled', data, { traceparent: job.traceparent });
}
