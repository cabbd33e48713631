import { trace } from '@opentelemetry/api';
import { onSecurityNotice } from '@assay/security';
import type { SecurityNotice } from '@assay/security';
import { setTimeout as pause } from 'node:timers/promises';
import { configureLog, createLog } from './log.js';
import type { LogLevel } from './log.js';
import { counter } from './metrics.js';
import { observeProcess } from './process-metrics.js';

export interface TelemetryOptions {
  service: string;
  instance: string;
  log_level: LogLevel;
  /** `none`: trace ids travel, no span is recorded. `otlp`: to `otlp_url`. */
  traces: 'none' | 'otlp';
  /** `http://host:4318/v1/traces`. */
  otlp_url: string | null;
  /** Share of new traces that are recorded; a caller's decision is kept. */
  sample_ratio: number;
  /** How long an export is tried, repetitions included: 5 s. */
  otlp_timeout_ms?: number;
}

export interface Telemetry {
  /** Flushes what is recorded; at most `within_ms`. */
  stop(within_ms: number): Promise<void>;
}

const log = createLog('security', ['file_reloaded', 'file_refused', 'credential_refused']);
const refusals = counter('assay_security_refusals_total', 'Requests refused for their credential, by reason.');
const reloads = counter('assay_file_reloads_total', 'Watched files read again, by what they are and whether accepted.');

/** Starts what a process needs to be seen: its log's identity, traces when asked for, the notices of the libraries. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  configureLog({ service: options.service, instance: options.instance, level: options.log_level });
  const unsubscribe = onSecurityNotice(report);
  const endProcessMetrics = observeProcess();
  const provider = options.traces === 'otlp' ? await tracesBy(options) : null;
  return {
    stop: async (within_ms) => {
      unsubscribe();
      endProcessMetrics();
      // A collector that is away must not hold up the shutdown: what it has not taken by then is lost.
      await Promise.race([provider?.shutdown().catch(() => undefined), pause(within_ms, undefined, { ref: false })]);
      trace.disable();
    },
  };
}

/** Loaded only when asked for: the exporter costs 11 MB and a tenth of a second at start. */
async function tracesBy(options: TelemetryOptions) {
  const { startTraces } = await import('./start-traces.js');
  return startTraces(options);
}

function report(notice: SecurityNotice): void {
  if (notice.event === 'credential_refused') {
    refusals.add(1, { reason: notice.reason });
    log.warn('credential_refused', { reason: notice.reason, route: notice.route, key_id: notice.key_id });
    return;
  }
  const accepted = notice.event === 'file_reloaded';
  reloads.add(1, { what: notice.what, accepted });
  if (accepted) log.info('file_reloaded', { what: notice.what, path: notice.path });
  else log.error('file_refused', { what: notice.what, path: notice.path }, notice.error);
}
