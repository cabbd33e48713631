import { monitorEventLoopDelay } from 'node:perf_hooks';
import { observableCounter, observableGauge } from './metrics.js';

const NS_PER_S = 1e9;
const US_PER_S = 1e6;
/** How finely delays are seen; the histogram's own timer costs one wake-up per step. */
const LOOP_RESOLUTION_MS = 20;

/** The process itself, under Prometheus' customary names. Returns the function that ends it. */
export function observeProcess(): () => void {
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  const ends = [
    observableGauge('process_resident_memory_bytes', 'Resident memory.', () => [{ value: process.memoryUsage.rss() }]),
    observableGauge(
      'nodejs_eventloop_lag_p99_seconds',
      'How late timers ran since the last reading, 99th percentile.',
      () => {
        const value = Math.max(0, loop.percentile(99) / NS_PER_S - LOOP_RESOLUTION_MS / 1_000);
        loop.reset();
        return [{ value }];
      },
    ),
    observableCounter('process_cpu_seconds_total', 'Processor time, user and system.', () => {
      const { user, system } = process.cpuUsage();
      return [{ value: (user + system) / US_PER_S }];
    }),
  ];
  return () => {
    loop.disable();
    for (const end of ends) end();
  };
}
