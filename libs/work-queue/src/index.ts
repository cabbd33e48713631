export { ATTEMPT_BACKOFF, fullJitterMs, IDLE_BACKOFF, MAX_ATTEMPTS, retryWaitMs } from './backoff.js';
export type { BackoffOptions } from './backoff.js';
export { decodeEvents, encodeEvents } from './event-codec.js';
export { fitting, groupsOf } from './held-bytes.js';
export { IdleWait } from './idle-wait.js';
export type {
  DeadUnit,
  DelayedUnit,
  DoneUnit,
  EventsByItem,
  EventSource,
  FailedAttempt,
  NewItem,
  Outcome,
  Permits,
  Phase,
  Settle,
  Unit,
  Worker,
  WorkHandler,
  WorkItem,
} from './item.js';
export { ItemRepository } from './item.repository.js';
export type { SweptItem } from './item.repository.js';
export type { Lanes } from './lanes.js';
export { Lease } from './lease.js';
export { EVENT_PUBLISHER } from './publisher.js';
export type { EventPublisher, PublishResult } from './publisher.js';
export { WORK_QUEUE_MIGRATION_SQL } from './schema.js';
export { WORK_QUEUE_SETTINGS } from './settings.js';
export { sweepCommand } from './sweep-command.js';
export type { SweepCommand } from './sweep-command.js';
export { WorkQueue } from './work-queue.js';
export type { WorkQueueOptions } from './work-queue.js';
export { WorkQueueModule } from './work-queue.module.js';
export { oneByOne } from './one-by-one.js';
export type { Left } from './one-by-one.js';
