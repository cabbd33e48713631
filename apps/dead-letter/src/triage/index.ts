export { letterConditions, LetterFilter } from './letter-queries.js';
export type { LetterView } from './letters-view.repository.js';
export { TriageModule } from './triage.module.js';
export { ReasonRequest } from './triage-requests.js';
export { TriageService } from './triage.service.js';
