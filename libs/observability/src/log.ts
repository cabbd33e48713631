import { errorChain, redactValue } from '@assay/security';
import winston from 'winston';
import { contextIfAny } from './context.js';
import { parseTraceparent } from './traceparent.js';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Record<string, unknown>;

/** One component's log: its events are a closed list (OBS-3), so that a dashboard can rely on their names. */
export interface Log<E extends string> {
  debug(event: E, fields?: LogFields): void;
  info(event: E, fields?: LogFields): void;
  warn(event: E, fields?: LogFields, error?: unknown): void;
  error(event: E, fields?: LogFields, error?: unknown): void;
}

/** A line as it is written, redacted already. */
export interface LogLine extends LogFields {
  time: string;
  level: LogLevel;
  component: string;
  event: string;
}

const ERROR_CHAIN_BYTES = 4 * 1024;

let identity: { service?: string; instance?: string } = {};
const sinks = new Set<(line: LogLine) => void>();

const writer = winston.createLogger({
  // Until a process says otherwise (tests, tools) only what went wrong is written.
  level: 'error',
  format: winston.format.printf((info) => JSON.stringify(info.line)),
  transports: [new winston.transports.Console()],
});

/** Set once by the process, from its settings. */
export function configureLog(options: { service: string; instance: string; level: LogLevel }): void {
  identity = { service: options.service, instance: options.instance };
  writer.level = options.level;
}

/** Also hands each line of level info and above to `sink`, whatever the level. Returns the function that ends it. */
export function addLogSink(sink: (line: LogLine) => void): () => void {
  sinks.add(sink);
  return () => sinks.delete(sink);
}

/** The log of one component with its closed list of events. Every line passes the redactor (SEC-4). */
export function createLog<const E extends string>(component: string, _events: readonly E[]): Log<E> {
  const write = (level: LogLevel, event: E, fields: LogFields = {}, error?: unknown): void => {
    const written = LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(writer.level as LogLevel);
    if (!written && (sinks.size === 0 || level === 'debug')) return;
    const line = lineOf(level, component, event, fields, error);
    for (const sink of sinks) sink(line);
    if (written) writer.log({ level, message: '', line });
  };
  return {
    debug: (event, fields) => write('debug', event, fields),
    info: (event, fields) => write('info', event, fields),
    warn: (event, fields, error) => write('warn', event, fields, error),
    error: (event, fields, error) => write('error', event, fields, error),
  };
}

function lineOf(level: LogLevel, component: string, event: string, fields: LogFields, error: unknown): LogLine {
  const context = contextIfAny();
  return {
    // eslint-disable-next-line no-restricted-syntax -- a log line's time is the host's, read beside other hosts' logs
    time: new Date().toISOString(),
    level,
    ...identity,
    component,
    event,
    ...(context && {
      correlation_id: context.correlation_id,
      trace_id: parseTraceparent(context.traceparent)?.trace_id,
    }),
    ...redactValue(fields),
    ...(error !== undefined && { error: errorChain(error, ERROR_CHAIN_BYTES) }),
  };
}
