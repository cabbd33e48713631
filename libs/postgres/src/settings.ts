import { durationMs, integer, secretRef } from '@assay/service';
import { checkConnectionUrl } from './connection-url.js';

/** How a service reaches its own schema; spread into its settings. */
export const POSTGRES_SETTINGS = {
  postgres_url: secretRef({
    env: 'ASSAY_POSTGRES_URL',
    doc: "Reference to the connection URL of the service's own role: `postgres://role:password@host:port/database`, with several hosts and TLS as in [deployment.md](deployment.md#connection-urls).",
    check: checkConnectionUrl,
  }),
  postgres_pool_size: integer({
    env: 'ASSAY_POSTGRES_POOL_SIZE',
    doc: 'Connections at most. Batches share statements, so few are needed. Once made they stay open.',
    default: 8,
    min: 2,
    max: 100,
  }),
  postgres_statement_timeout_ms: durationMs({
    env: 'ASSAY_POSTGRES_STATEMENT_TIMEOUT_MS',
    doc: 'A statement that takes longer is cancelled and counts as retryable; a second later its connection is given up (GEN-10). Keep it below half the lease.',
    default: 10_000,
    min: 100,
  }),
  postgres_unready_after_ms: durationMs({
    env: 'ASSAY_POSTGRES_UNREADY_AFTER_MS',
    doc: 'Writes that fail for longer make the replica unready (GEN-10).',
    default: 10_000,
    min: 100,
  }),
  postgres_migration_lock_timeout_ms: durationMs({
    env: 'ASSAY_POSTGRES_MIGRATION_LOCK_TIMEOUT_MS',
    doc: 'The command `migrate` gives up a migration that waits longer for the lock of a table, for every statement of the service on that table waits behind it. What a migration does under its locks may take as long as it takes.',
    default: 5_000,
    min: 100,
  }),
};
