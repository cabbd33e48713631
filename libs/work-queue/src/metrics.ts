import { counter } from '@assay/observability';

export const claims = counter(
  'assay_work_claims_total',
  'Items claimed, by queue and way (born, due, suspect, publish)',
);
export const leaseLosses = counter(
  'assay_work_lease_losses_total',
  'Items whose lease was taken while their owner lived',
);
export const outcomes = counter('assay_work_outcomes_total', 'Outcomes of work, by queue and kind');
export const sweeps = counter('assay_work_swept_total', 'Items taken back from an owner whose lease had ended');
export const publications = counter('assay_work_publications_total', 'Events handed to Kafka, by result');
