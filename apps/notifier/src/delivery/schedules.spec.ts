import { describe, expect, it } from '@jest/globals';
import { readProvidersFile } from '@assay/providers-file';
import { ProviderSet } from '../providers/index.js';
import { retryInMs, SCHEDULE } from './schedule.js';
import { Schedules } from './schedules.js';

describe('the schedule of a recipient', () => {
  const { rules } = readProvidersFile(
    JSON.stringify({
      mail: {
        schedule: { give_up_after_ms: 3_600_000 },
        domains: { 'example.com': { schedule: { quick_attempts: 2, patient_first_ms: 1_000, patient_cap_ms: 2_000 } } },
      },
    }),
  );
  const schedules = new Schedules(new ProviderSet([], undefined, rules), SCHEDULE);
  const of = (address: string) => schedules.of({ channel: 'email', address });
  const next = (address: string, attempt: number, elapsed_ms = 0) =>
    retryInMs(of(address), { attempt, elapsed_ms, failure: {} }, () => 1);

  it('DEL-16.b is that of the settings, but for what its destination has for itself', () => {
    expect(schedules.of({ channel: 'webhook', address: 'bot' })).toEqual(SCHEDULE);
    expect(of('a@example.org')).toEqual({ ...SCHEDULE, give_up_after_ms: 3_600_000 });
    expect([1, 2, 3, 4].map((attempt) => next('a@example.com', attempt))).toEqual([1_000, 1_200, 2_000, 2_000]);
    expect(next('a@example.org', 2)).toBe(2_000);
    expect([next('a@example.com', 2, 3_600_000), next('a@example.org', 2, 3_599_000)]).toEqual([null, 1_000]);
  });
});
