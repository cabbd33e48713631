export { startsFromSubmission } from './replay-decision.js';
export { answerItem, REPLAY_QUEUE } from './replay-events.js';
export { ReplayModule } from './replay.module.js';
export { ReplayRepository } from './replay.repository.js';
