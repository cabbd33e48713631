export { ValidationModule } from './validation.module.js';
export { VALIDATE_QUEUE, ValidationWorker } from './validation.worker.js';
export { ValidationRepository } from './validation.repository.js';
export type { StoredFindings } from './validation.repository.js';
