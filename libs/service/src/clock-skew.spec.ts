import { describe, expect, it } from '@jest/globals';
import { addLogSink, renderMetrics } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { ClockSkew } from './clock-skew.js';

const HOUR_MS = 3_600_000;
const database_ms = Date.parse('2026-11-23T12:00:00.000Z');

function skewOf(host_ahead_ms: number) {
  return new ClockSkew({
    now: () => Promise.resolve(new Date(database_ms).toISOString()),
    host_now_ms: () => database_ms + host_ahead_ms,
  });
}

describe('ClockSkew', () => {
  it.each([
    ['ahead', HOUR_MS],
    ['behind', -HOUR_MS],
  ])('GEN-4.b measures, logs and exports a host an hour %s', async (_name, ahead_ms) => {
    const lines: LogLine[] = [];
    const stop = addLogSink((line) => lines.push(line));
    const clock = skewOf(ahead_ms);
    const skew_ms = (await clock.measure())!;
    await clock.measure();
    stop();
    expect(Math.abs(skew_ms - ahead_ms)).toBeLessThan(500);
    // Once, not at every measurement.
    expect(lines.map(({ event }) => event)).toEqual(['clock_skewed']);
    const [, exported] = /^assay_clock_skew_seconds (-?[\d.]+)$/m.exec(await renderMetrics()) ?? [];
    expect(Math.abs(Number(exported) - ahead_ms / 1000)).toBeLessThan(1);
  });

  it('GEN-4.b stays silent up to 2 s and while the database does not answer', async () => {
    const lines: LogLine[] = [];
    const stop = addLogSink((line) => lines.push(line));
    await skewOf(1_500).measure();
    expect(await new ClockSkew({ now: () => Promise.reject(new Error('away')) }).measure()).toBeNull();
    stop();
    expect(lines).toEqual([]);
  });
});
