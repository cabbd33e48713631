import type { InfrastructureAddress } from './infrastructure.js';
import type { PostgresSettings } from './postgres.js';
import type { Role } from './secrets.js';
import type { ServiceSettings } from './service-environment.js';
import type { ServiceName } from './service-names.js';
import type { SinkPorts } from './sink-types.js';

/** Ports that a stack is to use; whatever is absent gets a free one. */
export interface StackPorts {
  kafka: number;
  postgres: number;
  services: Record<ServiceName, number>;
  sinks: SinkPorts;
}

/** How the host of a stack is to start it; its one argument, as JSON. */
export interface HostOptions {
  /** The four services and the sinks too, with their secrets and configuration here; null: Kafka and Postgres alone. */
  services: {
    state_directory: string;
    tuning?: ServiceSettings['tuning'];
    /** A providers file whose members stand in place of those of the stack's own; absolute. */
    providers_file?: string;
    /** Arguments to Node beside the usual ones. */
    node_args?: readonly string[];
  } | null;
  /** False only where a machine that dies may lose everything. */
  durable: boolean;
  /** Beside the usual ones (infra/local/postgres.ts). */
  postgres_settings?: PostgresSettings;
  /** The services get in by TLS and login alone. */
  secure?: boolean;
  log_directory: string;
  ports?: StackPorts;
}

/** Where a stack's services and sinks are, and the keys to them. */
export interface ServicesAddress {
  topic_prefix: string;
  services: Record<ServiceName, { url: string; probes_url: string; pid: number; log_file: string }>;
  /** API keys by role, and one of a second source. */
  keys: Record<Role | 'other_submitter', string>;
  sinks: {
    pid: number;
    smtp: { host: string; port: number };
    webhook_url: string;
    /** See infra/local/sinks.ts. */
    control_url: string;
    webhook_endpoints: readonly string[];
    webhook_secret: string;
  };
  /** Whose members stand in place of those of the stack's own; null where no file was given. */
  providers_file: string | null;
}

export interface StackAddress extends InfrastructureAddress {
  /** The host's: SIGTERM to it ends the stack. */
  pid: number;
  log_directory: string;
  stack: ServicesAddress | null;
}

/** One JSON line each on the host's stdin. */
export type HostCommand =
  /** Stops Kafka or Postgres as a crash does, and starts it again with its data. */
  | { id: number; do: 'restart'; what: 'kafka' | 'postgres'; down_ms: number }
  /** Ends a service, as built now, in order, and starts it again. */
  | { id: number; do: 'reload'; service: ServiceName }
  /** From now on the end of stdin is no reason to stop: the stack outlives its starter. */
  | { id: number; do: 'unbind' };

/** One JSON line each on the host's stdout. */
export type HostReport =
  { progress: string } | { ready: StackAddress } | { failed: string } | { done: number; error: string | null };
