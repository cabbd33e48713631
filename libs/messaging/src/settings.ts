import { durationMs, integer, list, secretRef, text } from '@assay/service';
import { KAFKA_ACCESS_SETTINGS } from './access-settings.js';

/** How to reach the cluster: what commands need, too. */
export const KAFKA_CLUSTER_SETTINGS = {
  kafka_brokers: list({ env: 'ASSAY_KAFKA_BROKERS', doc: 'Bootstrap brokers: `host:port,host:port`.' }),
  kafka_topic_prefix: text({
    env: 'ASSAY_KAFKA_TOPIC_PREFIX',
    doc: "First part of every topic's name; keeps installations on one cluster apart.",
    default: 'assay',
    pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/,
  }),
  ...KAFKA_ACCESS_SETTINGS,
};

/** How a service publishes and consumes; spread into its settings. */
export const KAFKA_SETTINGS = {
  ...KAFKA_CLUSTER_SETTINGS,
  kafka_group: text({
    env: 'ASSAY_KAFKA_GROUP',
    doc: "Consumer group; the topics' prefix and the service's name unless set.",
    default: null,
    pattern: /^[A-Za-z0-9._-]{1,200}$/,
  }),
  kafka_session_timeout_ms: durationMs({
    env: 'ASSAY_KAFKA_SESSION_TIMEOUT_MS',
    doc: 'A replica that is silent for longer loses its partitions to the others.',
    default: 30_000,
    min: 1_000,
    max: 300_000,
  }),
  kafka_fetch_wait_ms: durationMs({
    env: 'ASSAY_KAFKA_FETCH_WAIT_MS',
    doc: 'How long a fetch waits for records; also bounds how long a shutdown waits for it.',
    default: 500,
    min: 10,
    max: 5_000,
  }),
  kafka_publish_timeout_ms: durationMs({
    env: 'ASSAY_KAFKA_PUBLISH_TIMEOUT_MS',
    doc: 'A publication that is not acknowledged by then counts as not made and is repeated later.',
    default: 10_000,
    min: 500,
    max: 120_000,
  }),
  kafka_publish_in_flight_bytes: integer({
    env: 'ASSAY_KAFKA_PUBLISH_IN_FLIGHT_BYTES',
    doc: 'Bytes that may be on their way to Kafka at once.',
    default: 4 * 1024 * 1024,
    min: 64 * 1024,
  }),
  kafka_batch_records: integer({
    env: 'ASSAY_KAFKA_BATCH_RECORDS',
    doc: 'Records that one handler call, and so one transaction, takes at most.',
    default: 200,
    min: 1,
    max: 5_000,
  }),
  kafka_batch_bytes: integer({
    env: 'ASSAY_KAFKA_BATCH_BYTES',
    doc: 'Bytes of records that one handler call takes at most; a larger record goes alone.',
    default: 8 * 1024 * 1024,
    min: 64 * 1024,
  }),
  artefact_keys: secretRef({
    env: 'ASSAY_ARTEFACT_KEYS',
    doc: 'Reference to the keys that seal raw artefacts at rest: `id:base64,id:base64`, the first seals.',
  }),
};

/** What the command that makes the topics needs beside {@link KAFKA_CLUSTER_SETTINGS}. */
export const TOPIC_SETTINGS = {
  ...KAFKA_CLUSTER_SETTINGS,
  kafka_replication_factor: integer({
    env: 'ASSAY_KAFKA_REPLICATION_FACTOR',
    doc: "Copies of each partition; -1 takes the cluster's default.",
    default: -1,
    min: -1,
    max: 32,
  }),
  kafka_max_message_bytes: integer({
    env: 'ASSAY_KAFKA_MAX_MESSAGE_BYTES',
    doc: 'No topic is made for larger records than this, where a cluster allows less than the list of topics wants. Ingest then refuses what could not travel (OPS-6).',
    default: 16 * 1024 * 1024,
    min: 64 * 1024,
  }),
};
