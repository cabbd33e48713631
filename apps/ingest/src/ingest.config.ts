import { POSTGRES_SETTINGS } from '@assay/postgres';
import { defineSettings, document, durationMs, HTTP_SETTINGS, integer, LINK_SETTINGS } from '@assay/service';
import type { Values } from '@assay/service';
import { KAFKA_SETTINGS, kafkaAccessFaults } from '@assay/messaging';
import { WORK_QUEUE_SETTINGS } from '@assay/work-queue';
import { readAllowListFile } from '@assay/review-engine';

const MIB = 1024 * 1024;

const OWN_SETTINGS = {
  allow_list: document({
    env: 'ASSAY_DEPOT_ALLOW_LIST_FILE',
    doc: 'Which depot paths may be reviewed: `{"changed_by": "…", "entries": ["//depot/project/...", …]}` (SEC-1).',
    read: readAllowListFile,
  }),
  review_result_limit_bytes: integer({
    env: 'ASSAY_REVIEW_RESULT_LIMIT_BYTES',
    doc: 'A larger review result is refused with 413 (VAL-10).',
    default: 2 * MIB,
    min: 1024,
    max: 64 * MIB,
  }),
  accept_batch_items: integer({
    env: 'ASSAY_ACCEPT_BATCH_ITEMS',
    doc: 'Submissions that share one commit at most.',
    default: 200,
    min: 1,
    max: 1_000,
  }),
  accept_batch_bytes: integer({
    env: 'ASSAY_ACCEPT_BATCH_BYTES',
    doc: 'Bytes of submissions that share one commit at most.',
    default: 16 * MIB,
    min: MIB,
  }),
  accept_waiting_bytes: integer({
    env: 'ASSAY_ACCEPT_WAITING_BYTES',
    doc: 'Bytes of submissions that may wait in memory for their commit, half of them of one source; what comes above is answered 503.',
    default: 64 * MIB,
    min: MIB,
  }),
  accept_timeout_ms: durationMs({
    env: 'ASSAY_ACCEPT_TIMEOUT_MS',
    doc: 'A submission is answered by then: 503 if it is not known to be stored; the same key again is safe (GEN-10).',
    default: 2_000,
    min: 100,
  }),
  backlog_max_items: integer({
    env: 'ASSAY_BACKLOG_MAX_ITEMS',
    doc: 'Accepted submissions that may wait for Kafka; above it new ones are answered 503 (ING-10).',
    default: 100_000,
    min: 1,
  }),
  backlog_max_bytes: integer({
    env: 'ASSAY_BACKLOG_MAX_BYTES',
    doc: 'Bytes of accepted submissions that may wait for Kafka. Keep it well below the free space of the database.',
    default: 4 * 1024 * MIB,
    min: 1,
  }),
  backlog_sample_ms: durationMs({
    env: 'ASSAY_BACKLOG_SAMPLE_MS',
    doc: 'How old the measure of that backlog may be.',
    default: 1_000,
    min: 1,
  }),
  no_news_ms: durationMs({
    env: 'ASSAY_NO_NEWS_MS',
    doc: 'A job without news for longer has its submission published again; after three times a dead letter opens (ING-11).',
    default: 600_000,
    min: 100,
  }),
  wait_poll_ms: durationMs({
    env: 'ASSAY_WAIT_POLL_MS',
    doc: 'How often a replica looks for the end of the jobs that its callers wait for (`wait_s`), in one statement.',
    default: 50,
    min: 5,
  }),
};

export const INGEST_SETTINGS = defineSettings(
  {
    ...HTTP_SETTINGS,
    ...POSTGRES_SETTINGS,
    ...KAFKA_SETTINGS,
    ...WORK_QUEUE_SETTINGS,
    ...LINK_SETTINGS,
    ...OWN_SETTINGS,
  },
  kafkaAccessFaults,
);

/** The part that ingest's own classes read. */
export type IngestConfig = Values<typeof OWN_SETTINGS & typeof LINK_SETTINGS>;
export const INGEST_CONFIG = Symbol('IngestConfig');
