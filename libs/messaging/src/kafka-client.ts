import { createLog } from '@assay/observability';
import { Kafka, logLevel } from 'kafkajs';
import type { LogEntry } from 'kafkajs';
import { REMEDIED_KAFKAJS, remedyIdleWakeUps } from './idle-remedy.js';

const log = createLog('kafka', ['client_error', 'client_warning', 'idle_remedy_missing']);

export interface KafkaClusterConfig {
  kafka_brokers: readonly string[];
  kafka_topic_prefix: string;
}

/** A client that tries again by itself for a second or two; what outlasts that is our own to wait for. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 };
const CONNECTION_TIMEOUT_MS = 2_000;

export interface ClientOptions {
  client_id: string;
  request_timeout_ms: number;
  retries?: number;
}

export function createClient({ kafka_brokers }: KafkaClusterConfig, options: ClientOptions): Kafka {
  if (!remedyIdleWakeUps()) log.warn('idle_remedy_missing', { expected_version: REMEDIED_KAFKAJS });
  return new Kafka({
    brokers: [...kafka_brokers],
    clientId: options.client_id,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: options.request_timeout_ms,
    retry: { ...RETRY, retries: options.retries ?? RETRY.retries },
    logLevel: logLevel.WARN,
    logCreator: () => writeEntry,
  });
}

/** The library's own lines, under one event name each: its texts are for people. */
function writeEntry({ level, namespace, log: entry }: LogEntry): void {
  const { message, timestamp: _time, logger: _logger, stack: _stack, error: _error, ...fields } = entry;
  const line = { ...fields, namespace, message };
  // What kafkajs calls an error is mostly a connection that it will open again.
  if (level === logLevel.ERROR) log.warn('client_error', line);
  else log.debug('client_warning', line);
}
