import { durationMs, integer } from '@assay/service';
import { SCHEDULE } from './schedule.js';

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
  max_active: integer({
    env: 'ASSAY_NOTIFIER_MAX_ACTIVE',
    doc: 'Deliveries that all replicas together may have in hand at once, exactly (WQ-5): for receivers that must see no more of them. Those that wait for a slow destination count. Without it no limit but what each replica keeps for itself.',
    default: null,
    min: 1,
    max: 10_000,
  }),
  max_body_bytes: integer({
    env: 'ASSAY_NOTIFIER_MAX_BODY_BYTES',
    doc: 'Bytes of reviews that deliveries being sent may hold in memory at once, each counted for every delivery of it; a larger one goes alone. Reviews of up to 16 KiB do not count (WQ-11).',
    default: 32 * 1024 * 1024,
    min: 1024 * 1024,
  }),
  retry_first_ms: durationMs({
    env: 'ASSAY_NOTIFIER_RETRY_FIRST_MS',
    doc: 'Upper bound of the first wait of the quick phase; doubles with each attempt (DEL-8).',
    default: SCHEDULE.retry_first_ms,
    min: 1,
  }),
  retry_cap_ms: durationMs({
    env: 'ASSAY_NOTIFIER_RETRY_CAP_MS',
    doc: 'Upper bound of every wait of the quick phase.',
    default: SCHEDULE.retry_cap_ms,
    min: 1,
  }),
  retry_after_cap_ms: durationMs({
    env: 'ASSAY_NOTIFIER_RETRY_AFTER_CAP_MS',
    doc: 'The longest wait that a receiver may ask for by Retry-After in the quick phase.',
    default: SCHEDULE.retry_after_cap_ms,
    min: 1,
  }),
  quick_attempts: integer({
    env: 'ASSAY_NOTIFIER_QUICK_ATTEMPTS',
    doc: 'Attempts of the quick phase, the first included; those after it are patient.',
    default: SCHEDULE.quick_attempts,
    min: 1,
  }),
  patient_first_ms: durationMs({
    env: 'ASSAY_NOTIFIER_PATIENT_FIRST_MS',
    doc: 'First wait of the patient phase, give or take 20 %; doubles with each attempt.',
    default: SCHEDULE.patient_first_ms,
    min: 1,
  }),
  patient_cap_ms: durationMs({
    env: 'ASSAY_NOTIFIER_PATIENT_CAP_MS',
    doc: 'Upper bound of every wait of the patient phase.',
    default: SCHEDULE.patient_cap_ms,
    min: 1,
  }),
  patient_retry_after_cap_ms: durationMs({
    env: 'ASSAY_NOTIFIER_PATIENT_RETRY_AFTER_CAP_MS',
    doc: 'The longest wait that a receiver may ask for by Retry-After in the patient phase.',
    default: SCHEDULE.patient_retry_after_cap_ms,
    min: 1,
  }),
  give_up_after_ms: durationMs({
    env: 'ASSAY_NOTIFIER_GIVE_UP_AFTER_MS',
    doc: 'A delivery that still fails so long after its first attempt of the generation becomes a dead letter, after one more attempt. Open circuits count.',
    default: SCHEDULE.give_up_after_ms,
    min: 100,
  }),
  circuit_failures: integer({
    env: 'ASSAY_NOTIFIER_CIRCUIT_FAILURES',
    doc: 'Failures in a row that open the circuit of a destination. Keep it below the quick attempts (DEL-8).',
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
  destination_failing_ms: durationMs({
    env: 'ASSAY_NOTIFIER_DESTINATION_FAILING_MS',
    doc: 'A destination that has failed for so long becomes a dead letter; at once for what cannot mend itself, such as a certificate (DEL-8).',
    default: 900_000,
    min: 1,
  }),
  fault_report_ms: durationMs({
    env: 'ASSAY_NOTIFIER_FAULT_REPORT_MS',
    doc: 'How often the dead letter of a destination or a credential is brought up to date, at most.',
    default: 60_000,
    min: 1,
  }),
};
