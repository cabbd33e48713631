export { SUBMITTED_QUEUE, submittedItem } from './acceptance.service.js';
export { Batcher } from './batcher.js';
export { replayLocks } from './contest-locks.js';
export { jobLinks } from './job.js';
export { JobWatch } from './job-watch.js';
export { ReviewsModule } from './reviews.module.js';
export { LOCK_CONTEST } from './sql/lock-contest.js';
export { SUBMITTED_REVISION } from './submitted-event.js';
