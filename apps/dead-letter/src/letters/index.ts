export { ChangesService } from './changes.service.js';
export type { Announcement } from './changes.service.js';
export { isClosed, mayMove } from './dead-letter-machine.js';
export { byAge, isNewer, OWN_ACTOR, subjectKey } from './dead-letter.js';
export type { DeadLetter, FailureFacts, Subject, Transition, Version } from './dead-letter.js';
export { LetterGauges } from './letter-gauges.js';
export { LETTER_COLUMNS, LettersRepository } from './letters.repository.js';
export { LettersModule } from './letters.module.js';
export { born, move } from './move.js';
