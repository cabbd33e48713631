import { describe, expect, it } from '@jest/globals';
import { Liveness, Readiness } from './health.js';

describe('Liveness', () => {
  it('OPS-1.a tells a loop that is silent for too long from one that goes on or has ended', () => {
    const liveness = new Liveness();
    liveness.beat('steady', 60_000);
    liveness.beat('hung', -1);
    expect(liveness.report()).toMatchObject({ ok: false, loops: { steady: { ok: true }, hung: { ok: false } } });
    liveness.forget('hung');
    expect(liveness.report().ok).toBe(true);
    liveness.beat('steady', -1);
    expect(liveness.report().ok).toBe(false);
  });

  it('OPS-1.a is alive before any loop has begun', () => {
    expect(new Liveness().report()).toEqual({ ok: true, loops: {} });
  });
});

describe('Readiness', () => {
  it('OPS-1.a is not ready once the shutdown has begun', async () => {
    const readiness = new Readiness();
    readiness.register('fine', () => Promise.resolve());
    expect((await readiness.report()).ok).toBe(true);
    readiness.drain();
    expect(await readiness.report()).toEqual({
      ok: false,
      checks: { fine: { ok: true }, shutdown: { ok: false, code: 'draining' } },
    });
  });
});
