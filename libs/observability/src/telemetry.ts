import { trace } from '@opentelemetry/api';
import { onSecurityNotice } from '@assay/security';
import type { SecurityNotice } from '@assay/security';
import { setTimeout as pause } from 'node:timers/promises';
import { configureLog, createLog } from './log.js';
import type { LogLevel } from './log.js';
import { counter } from './metrics.js';
import { observeProcess } from './process-metrics.js';
import { observeSecrets } from './secret-metrics.js';

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

const log = createLog('security', [
  'file_reloaded',
  'file_refused',
  'secret_reloaded',
  'secret_refused',
  'vault_lost',
  'vault_regained',
  'credential_refused',
]);
const refusals = counter('assay_security_refusals_total', 'Requests refused for their credential, by reason.');
const reloads = counter('assay_file_reloads_total', 'Watched files read again, by what they are and whether accepted.');
const changes = counter('assay_vault_changes_total', 'Secrets of the vault that have changed, by whether accepted.');
const logins = counter(
  'assay_vault_logins_total',
  'Logins at the vault and renewals of its token, by outcome: logged_in, renewed or failed.',
);

/** Starts what a process needs to be seen: its log's identity, traces when asked for, the notices of the libraries. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  configureLog({ service: options.service, instance: options.instance, level: options.log_level });
  const unsubscribe = onSecurityNotice(report);
  const ends = [unsubscribe, observeProcess(), observeSecrets()];
  const provider = options.traces === 'otlp' ? await tracesBy(options) : null;
  return {
    stop: async (within_ms) => {
      for (const end of ends) end();
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
  switch (notice.event) {
    case 'credential_refused':
      refusals.add(1, { reason: notice.reason });
      log.warn('credential_refused', { reason: notice.reason, route: notice.route, key_id: notice.key_id });
      return;
    case 'file_reloaded':
      reloads.add(1, { what: notice.what, accepted: true });
      log.info('file_reloaded', { what: notice.what, path: notice.path });
      return;
    case 'file_refused':
      reloads.add(1, { what: notice.what, accepted: false });
      log.error('file_refused', { what: notice.what, path: notice.path }, notice.error);
      return;
    default:
      reportOfVault(notice);
  }
}

type OfVault = Extract<SecurityNotice, { event: `secret_${string}` | `vault_${string}` }>;

function reportOfVault(notice: OfVault): void {
  switch (notice.event) {
    case 'secret_reloaded':
      changes.add(1, { accepted: true });
      log.info('secret_reloaded', { reference: notice.reference });
      return;
    case 'secret_refused':
      changes.add(1, { accepted: false });
      log.error('secret_refused', { reference: notice.reference }, notice.error);
      return;
    case 'vault_lost':
      log.error('vault_lost', {}, notice.error);
      return;
    case 'vault_regained':
      log.info('vault_regained');
      return;
    case 'vault_login':
      logins.add(1, { outcome: notice.outcome });
  }
}
