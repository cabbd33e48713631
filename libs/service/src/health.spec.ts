import { describe, expect, it } from '@jest/globals';
import { eventually } from '@assay/testing';
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

  it('GEN-10.e fails where work was due and nothing ended in the time allowed, and for nothing else', () => {
    const liveness = new Liveness();
    const first = liveness.due('accept', -1);
    const second = liveness.due('accept', -1);
    expect(liveness.report()).toMatchObject({ ok: false, loops: { accept: { ok: false } } });
    first();
    second();
    expect(liveness.report()).toMatchObject({ ok: true, loops: { accept: { ok: true, silent_ms: 0 } } });
  });

  it('GEN-10.e takes an end for progress while other work is still pending', async () => {
    const liveness = new Liveness();
    const first = liveness.due('accept', 50);
    liveness.due('accept', 50);
    await eventually(() => expect(liveness.report().ok).toBe(false));
    first();
    expect(liveness.report().ok).toBe(true);
    await eventually(() => expect(liveness.report().ok).toBe(false));
  });

  it('OPS-1.a is alive before any loop has begun', () => {
    expect(new Liveness().report()).toEqual({ ok: true, loops: {} });
  });
});

describe('Readiness', () => {
  it('tells of what is missing and is ready all the same where requests do not need it', async () => {
    const readiness = new Readiness();
    readiness.register('postgres', () => Promise.resolve());
    readiness.register('kafka', () => Promise.reject(new Error('away')), { told_only: true });
    expect(await readiness.report()).toMatchObject({
      ok: true,
      checks: { kafka: { ok: false, code: 'unexpected_error' } },
    });
    readiness.register('backlog', () => Promise.reject(new Error('full')));
    expect((await readiness.report()).ok).toBe(false);
  });

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
