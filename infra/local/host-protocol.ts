import type { InfrastructureAddress } from './infrastructure.js';

/** How the host of a stack is to start it; its one argument, as JSON. */
export interface HostOptions {
  /** Kafka and Postgres alone (tests), or the four services and the sinks too. */
  services: boolean;
  durable: boolean;
  log_directory: string;
  kafka_port?: number;
  postgres_port?: number;
}

/** One JSON line each on the host's stdin. */
export type HostCommand =
  /** Stops Kafka or Postgres as a crash does, and starts it again with its data. */
  | { id: number; do: 'restart'; what: 'kafka' | 'postgres'; down_ms: number }
  /** From now on the end of stdin is no reason to stop: the stack outlives its starter. */
  | { id: number; do: 'unbind' };

/** One JSON line each on the host's stdout. */
export type HostReport =
  { progress: string } | { ready: InfrastructureAddress } | { failed: string } | { done: number; error: string | null };
