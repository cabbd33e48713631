import { createRequire } from 'node:module';

interface RequestQueue {
  pending: unknown[];
  scheduleCheckPendingRequests(): void;
}
type RequestQueueClass = { prototype: RequestQueue };

const require = createRequire(import.meta.url);
/** The only version whose source this was read in. */
export const REMEDIED_KAFKAJS = '2.2.4';
let remedied = false;

/**
 * kafkajs arms a timer for its queue of waiting requests even when nothing waits and nothing is throttled, with a
 * delay below zero, whose callback arms the next: about 900 wake-ups a second per connection, 8 % of a core for three
 * idle clients. With nothing waiting there is nothing to look for: a request that has to wait arms the timer itself.
 *
 * Tied to one version, because it reaches into the library's inside: on any other it does nothing and returns false,
 * and its test fails.
 */
export function remedyIdleWakeUps(): boolean {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== REMEDIED_KAFKAJS) return false;
  if (remedied) return true;
  const { prototype } = require('kafkajs/src/network/requestQueue') as RequestQueueClass;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleWhenSomethingWaits(this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
  remedied = true;
  return true;
}
