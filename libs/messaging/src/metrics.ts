import { counter, gauge, histogram, LATENCY_SECONDS } from '@assay/observability';

export const published = counter('assay_kafka_published_total', 'Events handed to Kafka, by type and result');
export const publishSeconds = histogram(
  'assay_kafka_publish_seconds',
  'From the request to Kafka until its acknowledgement',
  LATENCY_SECONDS,
);
export const publishAvailable = gauge('assay_kafka_publish_available', 'Whether the last publication was acknowledged');
export const consumed = counter('assay_kafka_consumed_total', 'Records whose handling is done, by type and result');
export const handledSeconds = histogram('assay_kafka_handler_seconds', 'One handler call, by type', LATENCY_SECONDS);
export const batchRecords = histogram(
  'assay_kafka_batch_records',
  'Records that shared one handler call',
  [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
);
export const pauses = counter('assay_kafka_pauses_total', 'Partitions paused after a failure, by type and code');
export const parkedRecords = counter('assay_kafka_parked_records_total', 'Records parked, by type and code');
