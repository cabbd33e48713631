import { readFileSync } from 'node:fs';
import { KAFKA_SETTINGS, kafkaAccessFaults } from '@assay/messaging';
import { POSTGRES_SETTINGS } from '@assay/postgres';
import { secretReferencesIn } from '@assay/providers-file';
import { defineSettings, document, durationMs, HTTP_SETTINGS, LINK_SETTINGS } from '@assay/service';
import type { PublicUrls, Values } from '@assay/service';
import { WORK_QUEUE_SETTINGS } from '@assay/work-queue';
import { DELIVERY_SETTING_DEFINITIONS } from './delivery/delivery.settings.js';
import { providersFileOf } from './providers/index.js';

/** What the commands read, too. */
export const RECONCILIATION_SETTINGS = {
  ...POSTGRES_SETTINGS,
  ...WORK_QUEUE_SETTINGS,
  ...DELIVERY_SETTING_DEFINITIONS,
  providers: document({
    env: 'ASSAY_NOTIFIER_CONFIG_FILE',
    doc: 'Mail server and services, webhook endpoints, Slack hooks and providers of your own (DEL-6), by docs/schemas/providers-file.json; passwords and secrets are references. See docs/providers.md.',
    // As bytes: what is no UTF-8 is a fault.
    read: (_text, path) => providersFileOf(path, readFileSync(path)),
    references: secretReferencesIn,
  }),
};

export const NOTIFIER_SETTINGS = defineSettings(
  {
    ...HTTP_SETTINGS,
    ...KAFKA_SETTINGS,
    ...RECONCILIATION_SETTINGS,
    reconcile_interval_ms: durationMs({
      env: 'ASSAY_NOTIFIER_RECONCILE_INTERVAL_MS',
      doc: 'How often each replica looks for deliveries whose worker is gone between intent and outcome (DEL-11).',
      default: 60_000,
      min: 50,
    }),
    providers_poll_ms: durationMs({
      env: 'ASSAY_NOTIFIER_CONFIG_POLL_MS',
      doc: 'How often each replica looks whether the providers file has changed. A changed one is taken without a restart (DEL-6).',
      default: 5_000,
      min: 50,
    }),
    ...LINK_SETTINGS,
  },
  (settings) => [...timeFaults(settings), ...linkFaults(settings), ...kafkaAccessFaults(settings)],
);

export type NotifierSettings = Values<(typeof NOTIFIER_SETTINGS)['settings']>;

interface Times {
  send_timeout_ms: number;
  lease_ms: number;
  shutdown_grace_ms: number;
}

/** DEL-14: a send must fit into what is left of a lease after half of it, and into a shutdown. */
export function timeFaults(times: Times): string[] {
  const { send_timeout_ms, lease_ms, shutdown_grace_ms } = times;
  const faults: string[] = [];
  if (send_timeout_ms * 2 >= lease_ms) {
    faults.push(
      `ASSAY_NOTIFIER_SEND_TIMEOUT_MS: ${send_timeout_ms} must be below half of ASSAY_LEASE_MS (${lease_ms})`,
    );
  }
  if (send_timeout_ms >= shutdown_grace_ms) {
    faults.push(
      `ASSAY_NOTIFIER_SEND_TIMEOUT_MS: ${send_timeout_ms} must be below ASSAY_SHUTDOWN_GRACE_MS (${shutdown_grace_ms})`,
    );
  }
  return faults;
}

/** A mail has no address of its own against which a path could be read. */
function linkFaults({ ingest_public_url, validator_public_url }: PublicUrls): string[] {
  const named = { ASSAY_INGEST_PUBLIC_URL: ingest_public_url, ASSAY_VALIDATOR_PUBLIC_URL: validator_public_url };
  return Object.entries(named)
    .filter(([, url]) => url === '/')
    .map(([env]) => `${env}: / makes links paths, which lead nowhere from a message`);
}
