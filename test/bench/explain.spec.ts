import { expect, it } from '@jest/globals';
import { sums } from './explain.js';

it('adds up the histograms of a service over their labels, and leaves everything else', () => {
  const metrics = [
    '# TYPE assay_kafka_handler_seconds histogram',
    'assay_kafka_handler_seconds_count{type="review.submitted"} 3',
    'assay_kafka_handler_seconds_sum{type="review.submitted"} 0.25',
    'assay_kafka_handler_seconds_bucket{type="review.submitted",le="0.1"} 2',
    'assay_kafka_handler_seconds_count{type="stage.delayed",with="} a brace"} 1',
    'assay_kafka_handler_seconds_sum{type="stage.delayed",with="} a brace"} 5e-1',
    'assay_kafka_publish_seconds_count 7',
    'process_cpu_seconds_total 12',
  ].join('\n');
  expect(sums(metrics)).toEqual({
    assay_kafka_handler_seconds_count: 4,
    assay_kafka_handler_seconds_sum: 0.75,
    assay_kafka_publish_seconds_count: 7,
  });
});
