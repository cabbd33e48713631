import { jobEvent } from '@assay/contracts';
import type { OutgoingEvent, ReviewSettled } from '@assay/contracts';
import { reviewLinks } from '@assay/service';
import type { PublicUrls } from '@assay/service';
import { encodeEvents } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';
import type { PassedJob } from './sql/pass-keys.js';

/** The queue whose items publish which job has the key of one that failed. */
const SUBMITTED_AGAIN_QUEUE = 'submitted_again';

/** The end of a job told once more: another has its key, and so its dead letter is over (ING-3). */
export function submittedAgain(job: PassedJob, urls: PublicUrls): { item: NewItem; events: OutgoingEvent[] } {
  const { id, source, changelist_id, review_version, generation, revision, correlation_id, traceparent } = job;
  const about = { job_id: id, source, changelist_id, review_version, generation, revision, correlation_id };
  const data: ReviewSettled = {
    ...{ ...about, occurred_at: job.passed_at, state: 'failed', counts: job.counts, given_up: false },
    ...(job.reading !== null && { reading: job.reading }),
    ...(job.truncated !== null && { truncated: job.truncated }),
    ...{
      deliveries: job.deliveries?.by_channel ?? {},
      ...(job.deliveries?.withheld && { withheld: job.deliveries.withheld }),
      links: reviewLinks(id, urls),
      submitted_again_as: job.successor,
    },
  };
  const events = [jobEvent('review.settled', data, { traceparent })];
  const item: NewItem = {
    ...{ queue: SUBMITTED_AGAIN_QUEUE, source, subject_id: id, generation, priority: job.priority, phase: 'publish' },
    ...{ payload: encodeEvents(events), correlation_id, traceparent },
  };
  return { item, events };
}
