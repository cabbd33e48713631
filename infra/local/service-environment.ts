import type { InfrastructureAddress } from './infrastructure.js';
import { schemaOf, type ServiceName } from './service-names.js';
import type { StackSecrets } from './secrets.js';
import type { KafkaPrincipal, SecureAccess } from './secure-access.js';

export interface ServiceSettings {
  brokers: InfrastructureAddress['kafka']['brokers'];
  /** By whom the broker is reached, where it asks for a login. */
  kafka_logins?: SecureAccess['environments'];
  topic_prefix: string;
  secrets: StackSecrets;
  allow_list_file: string;
  notifier_config_file: string;
  /** Base URL of ingest and of the validator, for the links in messages and events. */
  links: { ingest: string; validator: string };
  /** Further settings by variable, for services that know them; tests shorten leases this way. */
  tuning: Partial<Record<ServiceName | 'all', Record<string, string>>>;
}

/** A laptop, a bench and a test are one caller that sends as fast as it can: nothing of ING-12.a holds them back. */
export const UNTHROTTLED = {
  ASSAY_HTTP_RATE_PER_S: '1000000',
  ASSAY_HTTP_RATE_BURST: '1000000',
  ASSAY_HTTP_CONCURRENCY: '1000000',
};

/** Settings that a process gets only when it knows them: an unknown one is a fault, not a surplus. */
const OWN: Record<ServiceName, (settings: ServiceSettings) => Record<string, string>> = {
  ingest: ({ allow_list_file, links }) => ({
    ASSAY_DEPOT_ALLOW_LIST_FILE: allow_list_file,
    ASSAY_INGEST_PUBLIC_URL: links.ingest,
    ASSAY_VALIDATOR_PUBLIC_URL: links.validator,
  }),
  validator: ({ allow_list_file }) => ({ ASSAY_DEPOT_ALLOW_LIST_FILE: allow_list_file }),
  notifier: ({ links, notifier_config_file }) => ({
    ASSAY_NOTIFIER_CONFIG_FILE: notifier_config_file,
    ASSAY_INGEST_PUBLIC_URL: links.ingest,
    ASSAY_VALIDATOR_PUBLIC_URL: links.validator,
  }),
  'dead-letter': ({ secrets }) => ({ ASSAY_AUDIT_SIGNING_KEYS: `file:${secrets.files.audit_signing_keys}` }),
};

/** The whole environment of one service's process: nothing is inherited but what Node itself needs. */
export function serviceEnvironment(
  service: ServiceName,
  settings: ServiceSettings,
  process_settings: { instance: string; ports?: { http: number; probes: number }; principal?: KafkaPrincipal },
): NodeJS.ProcessEnv {
  const { brokers, secrets, topic_prefix, tuning } = settings;
  const http: Record<string, string> =
    process_settings.ports === undefined
      ? {}
      : {
          ASSAY_HTTP_HOST: '127.0.0.1',
          ASSAY_HTTP_PORT: String(process_settings.ports.http),
          ASSAY_PROBE_PORT: String(process_settings.ports.probes),
          ...UNTHROTTLED,
        };
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    TZ: 'UTC',
    NODE_ENV: 'production',
    ASSAY_INSTANCE: process_settings.instance,
    ...http,
    ASSAY_API_KEYS_FILE: secrets.files.api_keys,
    ASSAY_POSTGRES_URL: `file:${secrets.files.postgres_urls[schemaOf(service)]}`,
    ASSAY_KAFKA_BROKERS: brokers,
    ASSAY_KAFKA_TOPIC_PREFIX: topic_prefix,
    ...settings.kafka_logins?.[process_settings.principal ?? service],
    ASSAY_ARTEFACT_KEYS: `file:${secrets.files.artefact_keys}`,
    ...OWN[service](settings),
    ...tuning.all,
    ...tuning[service],
  };
}
