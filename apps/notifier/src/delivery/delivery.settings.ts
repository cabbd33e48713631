import { durationMs, integer } from '@assay/service';

/** Nest token of the settings that the worker reads. */
export const DELIVERY_SETTINGS = Symbol('DeliverySettings');

/** How deliveries are attempted; spread into the service's settings. */
export const DELIVERY_SETTING_DEFINITIONS = {
  send_timeout_ms: durationMs({
    env: 'ASSAY_NOTIFIER_SEND_TIMEOUT_MS',
    doc: 'One send, from connecting to the answer. Below half the lease and below the shutdown grace (DEL-14).',
    default: 8_000,
    min: 50,
  }),
  max_attempts: integer({
    env: 'ASSAY_NOTIFIER_MAX_ATTEMPTS',
    doc: 'Attempts of a delivery in one generation, the first included (DEL-8).',
    default: 5,
    min: 1,
    max: 20,
  }),
  retry_first_ms: durationMs({
    env: 'ASSAY_NOTIFIER_RETRY_FIRST_MS',
    doc: 'Upper bound of the first wait between attempts; doubles with each one (DEL-8).',
    default: 1_000,
    min: 1,
  }),
  retry_cap_ms: durationMs({
    env: 'ASSAY_NOTIFIER_RETRY_CAP_MS',
    doc: 'Upper bound of every wait between attempts.',
    default: 60_000,
    min: 1,
  }),
  retry_after_cap_ms: durationMs({
    env: 'ASSAY_NOTIFIER_RETRY_AFTER_CAP_MS',
    doc: 'The longest wait that a receiver may ask for by Retry-After.',
    default: 300_000,
    min: 1,
  }),
  parked_max_ms: durationMs({
    env: 'ASSAY_NOTIFIER_PARKED_MAX_MS',
    doc: 'A delivery that an outage has kept waiting for longer becomes a dead letter.',
    default: 24 * 60 * 60 * 1_000,
    min: 100,
  }),
  circuit_failures: integer({
    env: 'ASSAY_NOTIFIER_CIRCUIT_FAILURES',
    doc: 'Failures in a row that open the circuit of a destination. Keep it below the attempts (DEL-8).',
    default: 3,
    min: 1,
  }),
  circuit_open_ms: durationMs({
    env: 'ASSAY_NOTIFIER_CIRCUIT_OPEN_MS',
    doc: 'How long an open circuit waits before one probe; doubles with each failed probe.',
    default: 2_000,
    min: 10,
  }),
  circuit_max_open_ms: durationMs({
    env: 'ASSAY_NOTIFIER_CIRCUIT_MAX_OPEN_MS',
    doc: 'The longest wait before a probe; also the first one after a refused credential.',
    default: 30_000,
    min: 10,
  }),
};
