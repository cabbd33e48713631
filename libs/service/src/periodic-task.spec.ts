import { afterEach, describe, expect, it } from '@jest/globals';
import { addLogSink } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { eventually } from '@assay/testing';
import { Liveness } from './health.js';
import { lookIntervalMs, PeriodicTask } from './periodic-task.js';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function started(run: () => Promise<unknown>, liveness = new Liveness()): PeriodicTask {
  const task = new PeriodicTask(liveness, { name: 'sweeping', interval_ms: 1, run });
  stops.push(() => task.stop());
  task.start();
  return task;
}

/** Runs that last until they are let go. */
function held() {
  const run = { begun: 0, letGo: () => undefined as void };
  const gate = new Promise<void>((resolve) => (run.letGo = resolve));
  stops.push(async () => run.letGo());
  const work = () => {
    run.begun += 1;
    return gate;
  };
  return { run, work };
}

describe('PeriodicTask', () => {
  it('begins no run while one is under way, and the next after it', async () => {
    const { run, work } = held();
    const others = { ran: 0 };
    started(work);
    started(() => Promise.resolve((others.ran += 1)));
    await eventually(() => expect(others.ran).toBeGreaterThan(5));
    expect(run.begun).toBe(1);
    run.letGo();
    await eventually(() => expect(run.begun).toBeGreaterThan(1));
  });

  it('stops once the run under way has ended, and begins none after that', async () => {
    const { run, work } = held();
    const task = started(work);
    await eventually(() => expect(run.begun).toBe(1));
    let stopped = false;
    const stopping = task.stop().then(() => (stopped = true));
    await new Promise(setImmediate);
    expect(stopped).toBe(false);
    run.letGo();
    await stopping;
    expect(run.begun).toBe(1);
  });

  it('logs a run that fails, and goes on', async () => {
    const lines: LogLine[] = [];
    const stop = addLogSink((line) => lines.push(line));
    let runs = 0;
    started(() => ((runs += 1) === 1 ? Promise.reject(new Error('away')) : Promise.resolve()));
    await eventually(() => expect(runs).toBeGreaterThan(2));
    stop();
    expect(lines).toMatchObject([{ event: 'task_failed', level: 'warn', task: 'sweeping' }]);
  });

  it('OPS-1.a is one of the loops that liveness counts on', async () => {
    const { run, work } = held();
    const liveness = new Liveness();
    started(work, liveness);
    await eventually(() => expect(run.begun).toBe(1));
    expect(liveness.report().loops).toMatchObject({ sweeping: { ok: true, max_silence_ms: 120_000 } });
  });

  it.each([
    [400, 100],
    [1, 1],
    [3_600_000, 30_000],
  ])('looks for what a time-out of %d ms has ended every %d ms', (timeout_ms, interval_ms) => {
    expect(lookIntervalMs(timeout_ms)).toBe(interval_ms);
  });
});
