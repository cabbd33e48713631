/**
 * Preloaded into each service by `--explain`: notes what holds up its one thread, and tells it, since the last time, to
 * whoever asks at the socket `<pid>.sock` in the directory that this module's URL names (`probe.js?sockets=…`).
 */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import type { Span } from './statistics.js';

export interface Probed {
  /** How late each tick of the event loop came. */
  late_ms: number[];
  /** Of those, and of the garbage collector's pauses, each that took long enough to be felt. */
  stalls: Span[];
  pauses: Span[];
  /** The garbage collector in all. */
  collections: number;
  collecting_ms: number;
}

/** monitorEventLoopDelay would tell how often the loop is late, but not when; and when is what finds the cause. */
const TICK_MS = 10;
const FELT_MS = 2;

const nothing = (): Probed => ({ late_ms: [], stalls: [], pauses: [], collections: 0, collecting_ms: 0 });
let probed = nothing();

function tick(due_ms: number): void {
  const now_ms = performance.now();
  const late_ms = Math.max(0, now_ms - due_ms);
  probed.late_ms.push(late_ms);
  if (late_ms >= FELT_MS) probed.stalls.push({ begun_at_ms: performance.timeOrigin + due_ms, took_ms: late_ms });
  const next_ms = now_ms + TICK_MS;
  setTimeout(() => tick(next_ms), TICK_MS).unref();
}

if (isMainThread) {
  tick(performance.now());
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      probed.collections += 1;
      probed.collecting_ms += duration;
      if (duration < FELT_MS) continue;
      probed.pauses.push({ begun_at_ms: performance.timeOrigin + startTime, took_ms: duration });
    }
  }).observe({ entryTypes: ['gc'] });
  const directory = new URL(import.meta.url).searchParams.get('sockets') ?? '';
  const server = createServer((_request, response) => {
    response.end(JSON.stringify(probed));
    probed = nothing();
  });
  server.listen(join(directory, `${process.pid}.sock`)).unref();
}
