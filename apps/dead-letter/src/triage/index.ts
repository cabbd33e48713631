export { filterParams, LETTER_FILTER, LetterFilter } from './letter-queries.js';
export { TriageModule } from './triage.module.js';
