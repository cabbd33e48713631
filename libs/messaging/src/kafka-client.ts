import { createLog } from '@assay/observability';
import { Kafka, logLevel } from 'kafkajs';
import type { ISocketFactory, LogEntry } from 'kafkajs';
import { REMEDIED_KAFKAJS, remedyIdleWakeUps } from './idle-remedy.js';
import type { KafkaAccessConfig } from './access-settings.js';
import { socketsBy } from './open-socket.js';
import type { ClientSockets } from './open-socket.js';
import type { Refusals } from './refusals.js';
import { REAUTHENTICATION_MS, saslLogin } from './sasl-login.js';
import { TlsMaterial } from './tls-material.js';

const log = createLog('kafka', ['client_message', 'idle_remedy_missing']);

/** Where the cluster is, and how it lets the client in: without TLS and a login where those are left out. */
export interface KafkaClusterConfig extends Partial<KafkaAccessConfig> {
  kafka_brokers: readonly string[];
  kafka_topic_prefix: string;
}

/** A client that tries again by itself for a second or two; what outlasts that is our own to wait for. */
export const CLIENT_RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 };
const CONNECTION_TIMEOUT_MS = 2_000;

export interface ClientOptions {
  client_id: string;
  request_timeout_ms: number;
  retries?: number;
  /** Where its sockets are to be known. */
  sockets?: ClientSockets;
  /** Where it is to be known what the client is refused. */
  refusals?: Refusals;
}

export function createClient(config: KafkaClusterConfig, options: ClientOptions): Kafka {
  if (!remedyIdleWakeUps()) log.warn('idle_remedy_missing', { expected_version: REMEDIED_KAFKAJS });
  return new Kafka({
    brokers: [...config.kafka_brokers],
    clientId: options.client_id,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: options.request_timeout_ms,
    retry: { ...CLIENT_RETRY, retries: options.retries ?? CLIENT_RETRY.retries },
    // The sockets themselves know what to trust and to show.
    ssl: config.kafka_tls ?? false,
    sasl: saslLogin(config),
    reauthenticationThreshold: REAUTHENTICATION_MS,
    socketFactory: socketsOf(config, options),
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => {
      options.refusals?.hear(entry);
      writeEntry(entry);
    },
  });
}

function socketsOf(config: KafkaClusterConfig, { refusals, sockets }: ClientOptions): ISocketFactory {
  const tls = config.kafka_tls ? new TlsMaterial(config) : null;
  const has_login = (config.kafka_sasl_mechanism ?? null) !== null;
  const open = socketsBy({ tls, onClosed: refusals && ((after) => refusals.closed(after, has_login)) });
  return sockets?.keeping(open) ?? open;
}

/**
 * The library's own lines, under one event name and for people: what it calls errors are connections that it opens again
 * and rebalances, several a second in an outage. What they come to is told by our own events (crashed, joined, …).
 */
function writeEntry({ level, namespace, log: entry }: LogEntry): void {
  const { message, timestamp: _time, logger: _logger, stack: _stack, error: _error, ...fields } = entry;
  log.debug('client_message', { ...fields, severity: logLevel[level], namespace, message });
}
