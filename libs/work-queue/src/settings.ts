import { durationMs, integer, ratio } from '@assay/service';

/** How a service claims and keeps work; spread into its settings. */
export const WORK_QUEUE_SETTINGS = {
  lease_ms: durationMs({
    env: 'ASSAY_LEASE_MS',
    doc: 'How long a claimed item belongs to its worker unless renewed (WQ-2).',
    default: 30_000,
    min: 300,
  }),
  lease_renewal_share: ratio({
    env: 'ASSAY_LEASE_RENEWAL_SHARE',
    doc: 'Share of a lease after which it is renewed (WQ-2). The rest is what an outage of Postgres may last before owners stop.',
    default: 0.333,
    min: 0.05,
    max: 0.5,
  }),
  sweep_interval_ms: durationMs({
    env: 'ASSAY_SWEEP_INTERVAL_MS',
    doc: 'How often each replica takes back items whose lease has ended (WQ-4).',
    default: 5_000,
    min: 50,
  }),
  priority_ageing_s: integer({
    env: 'ASSAY_PRIORITY_AGEING_S',
    doc: 'Seconds of waiting that count as much as one priority (WQ-1).',
    default: 30,
    min: 1,
  }),
  work_max_bytes: integer({
    env: 'ASSAY_WORK_MAX_BYTES',
    doc: 'Bytes of payloads that the claimed items of one queue may hold in memory at once; a larger one goes alone (WQ-11).',
    default: 32 * 1024 * 1024,
    min: 1024 * 1024,
  }),
  publish_max_bytes: integer({
    env: 'ASSAY_PUBLISH_MAX_BYTES',
    doc: 'Bytes of events that may wait in memory for Kafka; what comes above waits in the table (WQ-1). A larger event goes alone.',
    default: 32 * 1024 * 1024,
    min: 1024 * 1024,
  }),
  publish_batch: integer({
    env: 'ASSAY_PUBLISH_BATCH',
    doc: 'Items that one claim of unpublished events takes.',
    default: 200,
    min: 1,
    max: 1_000,
  }),
  poll_first_ms: durationMs({
    env: 'ASSAY_POLL_FIRST_MS',
    doc: 'First wait of an idle poll; doubles with full jitter (WQ-6).',
    default: 250,
    min: 1,
  }),
  poll_max_ms: durationMs({
    env: 'ASSAY_POLL_MAX_MS',
    doc: 'Longest wait of an idle poll (WQ-6).',
    default: 5_000,
    min: 10,
    max: 300_000,
  }),
};
