export { ValidationModule } from './validation.module.js';
export { report, SubmissionJudge } from './submission-judge.js';
export { asStored, storedEvents } from './validation-events.js';
export type { SubmissionBody } from './submission-judge.js';
export { VALIDATE_QUEUE, ValidationWorker } from './validation.worker.js';
export { ValidationRepository } from './validation.repository.js';
export type { NewValidation, StoredFindings } from './validation.repository.js';
