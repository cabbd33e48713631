export { IntakeModule } from './intake.module.js';
export { IntakeRepository } from './intake.repository.js';
export { IntakeService, LINKS } from './intake.service.js';
export { parentItem } from './parent-item.js';
