import { describe, expect, it } from '@jest/globals';
import { DELIVERY_STATES } from '@assay/contracts';
import type { Capabilities } from '../providers/provider.js';
import { nextStep } from './next-step.js';
import type { DeliveryStanding } from './next-step.js';

const holds: Capabilities = { idempotent: false, lookup: null, ambiguous_policy: 'hold' };
const resends: Capabilities = { idempotent: true, lookup: null, ambiguous_policy: 'resend' };
const answers: Capabilities = { idempotent: false, lookup: { lag_ms: 500 }, ambiguous_policy: 'hold' };
const fresh: DeliveryStanding = {
  ...{ state: 'pending', notification_id: null, notified_at: null },
  ...{ intent_open: false, doubt_age_ms: null, newer_version_known: false, cancelled: false },
};

describe('nextStep', () => {
  it('DEL-3.b never sends a row that has notified_at', () => {
    for (const state of DELIVERY_STATES) {
      const row = { ...fresh, state, notified_at: '2026-01-01T00:00:00.000Z' };
      expect(nextStep(row, resends)).toBe('leave');
    }
  });

  it('DEL-3.c sends a row with neither notified_at, notification_id nor an open intent', () => {
    expect(nextStep(fresh, holds)).toBe('send');
    expect(nextStep({ ...fresh, state: 'retry_scheduled' }, holds)).toBe('send');
  });

  it('ING-6.c supersedes what was not sent once a newer version is known, and lets what may have been sent run its course', () => {
    const late: DeliveryStanding = { ...fresh, newer_version_known: true };
    expect(nextStep(late, resends)).toBe('supersede');
    expect(nextStep({ ...late, state: 'retry_scheduled' }, holds)).toBe('supersede');
    expect(nextStep({ ...late, state: 'sending', intent_open: true }, resends)).toBe('send_again');
    expect(nextStep({ ...late, state: 'sending', intent_open: true }, answers)).toBe('ask');
  });

  it('ends what was not sent of a cancelled job, and lets what may have been sent run its course', () => {
    const cancelled: DeliveryStanding = { ...fresh, cancelled: true };
    expect(nextStep(cancelled, resends)).toBe('cancel');
    expect(nextStep({ ...cancelled, state: 'retry_scheduled' }, holds)).toBe('cancel');
    expect(nextStep({ ...cancelled, newer_version_known: true }, holds)).toBe('supersede');
    expect(nextStep({ ...cancelled, state: 'sending', intent_open: true }, resends)).toBe('send_again');
    expect(nextStep({ ...cancelled, state: 'sending', intent_open: true }, answers)).toBe('ask');
  });

  it('DEL-3.d asks the provider before anything else once the send may have happened', () => {
    expect(nextStep({ ...fresh, state: 'sending', intent_open: true }, answers)).toBe('ask');
    expect(nextStep({ ...fresh, state: 'sending', notification_id: 'm-1' }, answers)).toBe('ask');
  });

  it('DEL-4.d follows the policy of a provider that cannot be asked: resend or hold', () => {
    const maybe: DeliveryStanding = { ...fresh, state: 'sending', intent_open: true };
    expect(nextStep(maybe, resends)).toBe('send_again');
    expect(nextStep(maybe, holds)).toBe('hold');
  });

  it('DEL-4.d holds what may have been sent under a key that the receiver may have forgotten', () => {
    const forgets: Capabilities = { ...resends, idempotent_for_ms: 86_400_000 };
    const maybe: DeliveryStanding = { ...fresh, state: 'sending', intent_open: true, doubt_age_ms: 86_399_999 };
    expect(nextStep(maybe, forgets)).toBe('send_again');
    expect(nextStep({ ...maybe, doubt_age_ms: 86_400_000 }, forgets)).toBe('hold');
    expect(nextStep({ ...maybe, doubt_age_ms: 86_400_000 }, resends)).toBe('send_again');
  });

  it('DEL-3.b leaves what has settled or was given up alone', () => {
    for (const state of ['sent', 'unknown', 'failed_permanent', 'superseded', 'waived', 'replaced'] as const) {
      expect(nextStep({ ...fresh, state }, resends)).toBe('leave');
    }
  });
});
