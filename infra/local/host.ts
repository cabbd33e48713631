/**
 * The process that owns a stack: starts it, keeps it, ends it. It ends on SIGINT and SIGTERM, and, until it is unbound,
 * when its stdin closes, which is how it learns that whoever started it is gone.
 */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { HostCommand, HostOptions, HostReport, ServicesAddress } from './host-protocol.js';
import { Infrastructure } from './infrastructure.js';
import { grantTopics } from './secure-access.js';
import { type ServiceName, SERVICES } from './service-names.js';
import { LocalServices } from './services.js';
import { WEBHOOK_ENDPOINTS } from './stack-configuration.js';

const TOPIC_PREFIX = 'assay';

const options = JSON.parse(process.argv[2] ?? '{}') as HostOptions;
const build = join(import.meta.dirname, '..', '..');
const { durable, log_directory, ports, postgres_settings, secure } = options;
const progress = (line: string): void => report({ progress: line });
const infrastructure = new Infrastructure({
  build,
  durable,
  postgres_settings,
  secure,
  log_directory,
  kafka_port: ports?.kafka,
  postgres_port: ports?.postgres,
  progress,
});
let services: LocalServices | undefined;
let bound = true;
let stopping: Promise<never> | undefined;

function report(line: HostReport): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function stop(exit_code: number): Promise<never> {
  const end = async (): Promise<void> => {
    const { processes } = infrastructure;
    processes.close();
    await services?.stop();
    await processes.stopAll();
    // What was still starting has failed by now, and writes no more files.
    await starting.catch(() => undefined);
    if (options.services !== null) processes.removeDirectory(options.services.state_directory);
    await infrastructure.stop();
  };
  stopping ??= end().then(
    () => process.exit(exit_code),
    () => process.exit(1),
  );
  return stopping;
}

async function start(): Promise<void> {
  await infrastructure.start();
  if (options.services === null) return;
  infrastructure.processes.ownDirectory(options.services.state_directory);
  if (secure) await grantTopics(infrastructure.kafka.brokers, TOPIC_PREFIX);
  services = new LocalServices({
    build,
    processes: infrastructure.processes,
    infrastructure: infrastructure.address(),
    state_directory: options.services.state_directory,
    log_directory,
    topic_prefix: TOPIC_PREFIX,
    http_ports: ports?.services,
    sink_ports: ports?.sinks,
    tuning: options.services.tuning,
    providers_file: options.services.providers_file,
    node_args: options.services.node_args,
    progress,
  });
  await services.start();
}

function addressOf(running: LocalServices): ServicesAddress {
  const { secrets, sink_ports, sinks_pid } = running;
  const place = (service: ServiceName): [ServiceName, ServicesAddress['services'][ServiceName]] => {
    const replica = running.of(service)[0];
    if (replica === undefined) throw new Error(`${service} was not started`);
    return [
      service,
      { url: replica.url, probes_url: replica.probes_url, pid: replica.process.pid, log_file: replica.log_file },
    ];
  };
  return {
    topic_prefix: TOPIC_PREFIX,
    services: Object.fromEntries(SERVICES.map(place)) as ServicesAddress['services'],
    keys: { ...secrets.keys, other_submitter: secrets.source_keys.other.submitter },
    sinks: {
      pid: sinks_pid,
      smtp: { host: '127.0.0.1', port: sink_ports.smtp_port },
      webhook_url: `http://127.0.0.1:${sink_ports.webhook_port}`,
      control_url: `http://127.0.0.1:${sink_ports.control_port}`,
      webhook_endpoints: WEBHOOK_ENDPOINTS,
      webhook_secret: secrets.webhook_secret,
    },
    providers_file: running.providers_file,
  };
}

async function restart(command: HostCommand & { do: 'restart' }): Promise<void> {
  if (command.what === 'kafka') await infrastructure.kafka.stop('SIGKILL');
  else await infrastructure.postgres.stop('SIGQUIT');
  await delay(command.down_ms);
  await infrastructure[command.what].start();
}

async function obey(command: HostCommand): Promise<void> {
  try {
    if (command.do === 'unbind') bound = false;
    else if (command.do === 'reload') await services?.reload(command.service);
    else await restart(command);
    report({ done: command.id, error: null });
  } catch (error) {
    report({ done: command.id, error: String(error) });
  }
}

process.stdout.on('error', () => undefined);
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => void stop(0));
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => void obey(JSON.parse(line) as HostCommand));
lines.on('close', () => {
  if (bound) void stop(0);
});

const starting = start();
try {
  await starting;
  const stack = services === undefined ? null : addressOf(services);
  report({ ready: { ...infrastructure.address(), pid: process.pid, log_directory, stack } });
} catch (error) {
  report({ failed: error instanceof Error ? error.message : String(error) });
  await stop(1);
}
