import { describe, expect, it } from '@jest/globals';
import { declaredMetrics } from './metrics-page.js';

/** OBS-2, phrase by phrase. */
const KINDS: [string, string[]][] = [
  ['claims', ['assay_work_claims_total']],
  ['lease losses', ['assay_work_lease_losses_total']],
  ['queue depth and age', ['assay_work_items', 'assay_work_oldest_seconds']],
  [
    'coercions, drops, rejections by code and version',
    ['assay_coercions_total', 'assay_finding_drops_total', 'assay_rejections_total'],
  ],
  ['publishing lag', ['assay_work_oldest_seconds', 'assay_kafka_publish_seconds']],
  ['retries', ['assay_work_outcomes_total', 'assay_work_publications_total']],
  ['reconciliations', ['assay_deliveries_reconciled_total']],
  ['deliveries by state and provider', ['assay_deliveries_total', 'assay_delivery_sends_total']],
  ['dead letters by class and state', ['assay_dead_letters', 'assay_dead_letter_moves_total']],
  ['replay outcomes', ['assay_replay_items_total', 'assay_replays_total']],
  ['consumer lag', ['assay_kafka_consumer_lag_records']],
  ['latency from accepted to succeeded', ['assay_review_duration_seconds']],
];

describe('metrics', () => {
  it.each(KINDS)('OBS-2.a tell of %s', (_, names) => {
    expect(declaredMetrics().map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });

  it('OBS-2.a have names as Prometheus asks for, each once', () => {
    const metrics = declaredMetrics();
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
    for (const { name, type } of metrics) {
      expect(name).toMatch(/^(assay|process|nodejs)_[a-z0-9_]+$/);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    }
  });
});
