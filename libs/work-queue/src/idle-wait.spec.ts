import { describe, expect, it } from '@jest/globals';
import { IdleWait } from './idle-wait.js';

const MINUTE_MS = 60_000;

describe('IdleWait', () => {
  it('WQ-6.a ends its wait when it is signalled', async () => {
    const idle = new IdleWait();
    const waiting = idle.wait(MINUTE_MS);
    idle.signal();
    await waiting;
  });

  it('WQ-6.a does not begin to wait when the signal came before', async () => {
    const idle = new IdleWait();
    idle.signal();
    await idle.wait(MINUTE_MS);
  });

  it('WQ-6.b waits no longer than until the next due time', () => {
    const idle = new IdleWait({ first_ms: 4_000, cap_ms: 5_000 });
    expect(idle.nextWaitMs(12.3, () => 1)).toBe(13);
    expect(idle.nextWaitMs(-80, () => 1)).toBe(1);
  });

  it('WQ-6.c polls ever more seldom while nothing comes, and anew from the shortest after work', () => {
    const idle = new IdleWait({ first_ms: 250, cap_ms: 1_000 });
    expect([1, 2, 3, 4].map(() => idle.nextWaitMs(null, () => 1))).toEqual([250, 500, 1_000, 1_000]);
    idle.reset();
    expect(idle.nextWaitMs(null, () => 1)).toBe(250);
  });
});
