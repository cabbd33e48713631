import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { REMEDIED_KAFKAJS, remedyIdleWakeUps } from './idle-remedy.js';

const require = createRequire(import.meta.url);

interface Queue {
  pending: unknown[];
  throttleCheckTimeoutId: unknown;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
  destroy(): void;
}

function requestQueue(): Queue {
  const RequestQueue = require('kafkajs/src/network/requestQueue') as new (options: object) => Queue;
  const logger = { debug: () => undefined };
  return new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 1_000, clientId: 'spec', broker: 'b', logger });
}

describe('the remedy for idle wake-ups', () => {
  it('is for the very version of kafkajs that is installed: read its request queue again before raising it', () => {
    expect((require('kafkajs/package.json') as { version: string }).version).toBe(REMEDIED_KAFKAJS);
    expect(remedyIdleWakeUps()).toBe(true);
  });

  it('arms no timer while no request waits', () => {
    remedyIdleWakeUps();
    const queue = requestQueue();
    queue.checkPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });

  it('still arms the timer for a request that waits', () => {
    remedyIdleWakeUps();
    const queue = requestQueue();
    queue.pending.push({});
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).not.toBeNull();
    queue.destroy();
  });
});
