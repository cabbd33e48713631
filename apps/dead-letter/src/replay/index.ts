export type { ReplayMoves } from './replay-changes.service.js';
export { ReplayRepository } from './replay.repository.js';
export { ReplayModule } from './replay.module.js';
export { REPLAY_CONFIG, REPLAY_SETTINGS } from './replay.settings.js';
export type { ReplaySettings } from './replay.settings.js';
export { VerificationModule } from './verification.module.js';
export { failEarlier, VerificationService } from './verification.service.js';
export type { ReplayUnderWay } from './verification.service.js';
