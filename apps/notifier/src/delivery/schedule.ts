import type { Failure } from '@assay/contracts';
import { fullJitterMs } from '@assay/work-queue';

/** When a delivery that failed is tried again, and when it is given up (DEL-8). */
export interface Schedule {
  retry_first_ms: number;
  retry_cap_ms: number;
  /** The longest wait that a receiver may ask for in the quick phase. */
  retry_after_cap_ms: number;
  /** Attempts of the quick phase, the first included. */
  quick_attempts: number;
  patient_first_ms: number;
  patient_cap_ms: number;
  patient_retry_after_cap_ms: number;
  give_up_after_ms: number;
}

/** DEL-8 as written. */
export const SCHEDULE: Schedule = {
  retry_first_ms: 1_000,
  retry_cap_ms: 60_000,
  retry_after_cap_ms: 300_000,
  quick_attempts: 5,
  patient_first_ms: 300_000,
  patient_cap_ms: 7_200_000,
  patient_retry_after_cap_ms: 7_200_000,
  give_up_after_ms: 86_400_000,
};

const PATIENT_JITTER = 0.2;

export interface FailedSend {
  /** The attempt that failed, from 1. */
  attempt: number;
  /** Since the generation's first attempt. */
  elapsed_ms: number;
  failure: Pick<Failure, 'retry_after_ms'>;
}

/**
 * Milliseconds until the next attempt; null where this one began or ended after the time to give up, for a row ends only
 * after one more attempt. So that this one comes soon after that time, no wait but the receiver's own wish goes beyond it.
 */
export function retryInMs(schedule: Schedule, failed: FailedSend, random: () => number = Math.random): number | null {
  const left_ms = schedule.give_up_after_ms - failed.elapsed_ms;
  if (left_ms <= 0) return null;
  const wait_ms = isQuick(schedule, failed.attempt)
    ? fullJitterMs(failed.attempt, { first_ms: schedule.retry_first_ms, cap_ms: schedule.retry_cap_ms }, random)
    : patientMs(schedule, failed.attempt, random);
  return Math.max(Math.min(wait_ms, Math.ceil(left_ms)), askedMs(schedule, failed));
}

/** What the receiver asked for by `Retry-After`, as far as it counts; 0 where it asked for nothing. */
export function askedMs(schedule: Schedule, { attempt, failure }: Omit<FailedSend, 'elapsed_ms'>): number {
  const { retry_after_cap_ms, patient_retry_after_cap_ms } = schedule;
  const most_ms = isQuick(schedule, attempt) ? retry_after_cap_ms : patient_retry_after_cap_ms;
  return Math.min(failure.retry_after_ms ?? 0, most_ms);
}

/** The wait after the last quick attempt is the first patient one. */
function isQuick({ quick_attempts }: Schedule, attempt: number): boolean {
  return attempt < quick_attempts;
}

/** Spread over ±20 %, at the cap over -20 % alone: what failed together does not come back together even there. */
function patientMs(schedule: Schedule, attempt: number, random: () => number): number {
  const { quick_attempts, patient_first_ms, patient_cap_ms } = schedule;
  const middle_ms = Math.min(patient_cap_ms, patient_first_ms * 2 ** Math.min(attempt - quick_attempts, 30));
  const [least_ms, most_ms] = [middle_ms * (1 - PATIENT_JITTER), middle_ms * (1 + PATIENT_JITTER)];
  return Math.round(least_ms + random() * (Math.min(most_ms, patient_cap_ms) - least_ms));
}
