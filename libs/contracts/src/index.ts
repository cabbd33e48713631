export * from './dead-letter.js';
export * from './events.js';
export * from './failure.js';
export * from './problem.js';
export * from './replay.js';
export * from './recipients.js';
export * from './states.js';
export * from './topics.js';
