import { counter, histogram, LATENCY_SECONDS } from '@assay/observability';

export const sends = counter('assay_delivery_sends_total', 'Sends by destination and verdict');
export const sendSeconds = histogram(
  'assay_delivery_send_seconds',
  'Time from the start of a send to its answer, by destination.',
  LATENCY_SECONDS,
);
export const deliveries = counter('assay_deliveries_total', 'Deliveries by channel and the state that they moved to');
export const parkings = counter(
  'assay_deliveries_parked_total',
  'Deliveries put back without an attempt, by destination and reason',
);
export const withheld = counter(
  'assay_delivery_sends_withheld_total',
  'Sends that did not begin because too little of the lease was left (DEL-14)',
);
