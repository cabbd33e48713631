export { SUBMITTED_QUEUE, submittedItem } from './acceptance.service.js';
export { Batcher } from './batcher.js';
export { changelistLocks, contestBusy, replayLocks } from './contest-locks.js';
export { JobWatch } from './job-watch.js';
export { ReviewsModule } from './reviews.module.js';
export { LOAD_STANDING } from './sql/load-standing.js';
export type { StandingRow } from './sql/load-standing.js';
export { LOCK_CONTEST } from './sql/lock-contest.js';
export { SUBMITTED_REVISION } from './submitted-event.js';
