import type { DynamicModule } from '@nestjs/common';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Failure } from '@assay/contracts';
import { createLog, startTelemetry } from '@assay/observability';
import type { Telemetry } from '@assay/observability';
import type { HTTP_SETTINGS, PROCESS_SETTINGS } from './common-settings.js';
import { startService } from './create-service.js';
import type { RunningService } from './create-service.js';
import { reportProgrammingError } from './programming-errors.js';
import { ConfigurationError } from './read-settings.js';
import { readSettingsAndSecrets } from './read-settings-and-secrets.js';
import type { SettingsDefinition } from './read-settings.js';
import type { Settings, Values } from './settings.js';
import { Shutdown } from './shutdown.js';

const log = createLog('process', [
  'start_failed',
  'stop_requested',
  'stop_failed',
  'stop_overdue',
  'command_failed',
  'runtime_warning',
]);
const FLUSH_MS = 1_000;

export interface ServiceDefinition<S extends Settings> {
  /** `ingest`, `validator`, … */
  name: string;
  settings: SettingsDefinition<S>;
  module: (config: Values<S>) => DynamicModule;
  transport?: (app: NestFastifyApplication, config: Values<S>) => CustomTransportStrategy;
}

/** A service's whole process, for `main.ts`: settings, telemetry, HTTP and Kafka, signals, an ordered shutdown. */
export async function runService<S extends typeof HTTP_SETTINGS & Settings>(
  definition: ServiceDefinition<S>,
): Promise<void> {
  const config = await settingsOrExit(definition.settings);
  const common = config as Values<typeof HTTP_SETTINGS>;
  const telemetry = await telemetryOf(definition.name, common);
  logWarnings();
  exitOnBugs();
  try {
    const { name, transport } = definition;
    const service = await startService(
      { name, module: definition.module(config), transport: transport && ((app) => transport(app, config)) },
      common,
    );
    stopOnSignals(service, telemetry, common.shutdown_grace_ms);
  } catch (error) {
    log.error('start_failed', {}, error);
    process.exit(1);
  }
}

export interface CommandDefinition<S extends Settings> {
  /** `ingest migrate`. */
  name: string;
  settings: SettingsDefinition<S>;
  /** The service's settings, which stand in the same environment and are not read here. */
  also_known?: SettingsDefinition[];
  run: (config: Values<S>) => Promise<void>;
}

/** A command's whole process (`commands/migrate.ts`): settings, logs, exit code 0 or 1. */
export async function runCommand<S extends typeof PROCESS_SETTINGS & Settings>(
  definition: CommandDefinition<S>,
): Promise<void> {
  const config = await settingsOrExit(definition.settings, definition.also_known);
  const telemetry = await telemetryOf(definition.name.replace(/\s+/g, '-'), config as Values<typeof PROCESS_SETTINGS>);
  logWarnings();
  try {
    await definition.run(config);
    await telemetry.stop(FLUSH_MS);
    process.exit(0);
  } catch (error) {
    log.error('command_failed', { command: definition.name }, error);
    process.exit(1);
  }
}

/** `--check` judges the configuration and ends the process: 0 with OK, 1 with every fault. */
async function settingsOrExit<S extends Settings>(
  definition: SettingsDefinition<S>,
  also_known: SettingsDefinition[] = [],
): Promise<Values<S>> {
  try {
    const config = await readSettingsAndSecrets(definition, process.env, { also_known });
    if (!process.argv.includes('--check')) return config;
    process.stdout.write('OK\n');
    process.exit(0);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

function telemetryOf(service: string, config: Values<typeof PROCESS_SETTINGS>): Promise<Telemetry> {
  return startTelemetry({
    service,
    instance: config.instance,
    log_level: config.log_level,
    traces: config.traces,
    otlp_url: config.traces_otlp_url,
    sample_ratio: config.traces_sample_ratio,
  });
}

/** Node writes its own warnings as plain text, several lines each, which no reader of logs takes (OBS-3). */
function logWarnings(): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn('runtime_warning', { warning: warning.name }, warning));
}

/** What nobody caught leaves the process in an unknown state: work items survive an exit, a wrong state does not. */
function exitOnBugs(): void {
  const exit = (where: string) => (error: unknown) => {
    reportProgrammingError(where, Failure.from(error));
    process.exit(1);
  };
  process.on('uncaughtException', exit('uncaught_exception'));
  process.on('unhandledRejection', exit('unhandled_rejection'));
}

function stopOnSignals(service: RunningService, telemetry: Telemetry, grace_ms: number): void {
  let stopping = false;
  const stop = async (reason: string, exit_code: number): Promise<void> => {
    // A second signal means it: leases run out by themselves.
    if (stopping) process.exit(1);
    stopping = true;
    log.info('stop_requested', { reason });
    // Holds the event loop: a part that waits for nothing at all must not pass for a clean end.
    setTimeout(() => {
      log.error('stop_overdue', { grace_ms });
      process.exit(1);
    }, grace_ms);
    try {
      await service.stop();
      await telemetry.stop(FLUSH_MS);
    } catch (error) {
      log.error('stop_failed', {}, error);
      process.exit(1);
    }
    process.exit(exit_code);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal, 0));
  service.app.get(Shutdown).onRequest((reason) => void stop(reason, 1));
}
