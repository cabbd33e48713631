import { describe, expect, it } from '@jest/globals';
import { timeFaults } from './notifier.config.js';

describe('timeFaults', () => {
  it('DEL-14.b wants the send time-out under half the lease and under the shutdown grace', () => {
    const sane = { send_timeout_ms: 8_000, lease_ms: 30_000, shutdown_grace_ms: 10_000 };
    expect(timeFaults(sane)).toEqual([]);
    expect(timeFaults({ ...sane, lease_ms: 16_000 })).toHaveLength(1);
    expect(timeFaults({ ...sane, shutdown_grace_ms: 8_000 })).toHaveLength(1);
    expect(timeFaults({ send_timeout_ms: 20_000, lease_ms: 30_000, shutdown_grace_ms: 10_000 })).toHaveLength(2);
  });
});
