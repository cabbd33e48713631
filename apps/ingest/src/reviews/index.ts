export { SUBMITTED_QUEUE } from './acceptance.service.js';
export { jobLinks } from './job.js';
export { JobWatch } from './job-watch.js';
export { ReviewsModule } from './reviews.module.js';
