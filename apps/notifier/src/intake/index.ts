export type { Links } from './intake-batch.js';
export { IntakeModule } from './intake.module.js';
export { IntakeService, LINKS } from './intake.service.js';
