import { describe, expect, it } from '@jest/globals';
import { readProvidersFile } from './read-providers-file.js';
import { NO_RULES, rulesOf } from './rules.js';

const hook = { url: 'https://bot.example.org', secrets: ['env:HOOK'] };
const env = { HOOK: `whsec_${Buffer.alloc(32, 1).toString('base64')}`, SLACK: 'https://hooks.example.org/x' };

describe('the rules of a destination', () => {
  const { rules } = readProvidersFile(
    JSON.stringify({
      smtp: { host: 'mail', from: 'a@example.org' },
      webhook: {
        endpoints: {
          pager: { ...hook, min_severity: 'critical', skip_empty: true, schedule: { give_up_after_ms: 7_200_000 } },
          bot: { ...hook, max_bytes: 5_000 },
        },
      },
      slack: { hooks: { reviews: { url: 'env:SLACK', categories: ['security'] } } },
      mail: {
        min_severity: 'low',
        skip_empty: true,
        schedule: { quick_attempts: 3 },
        domains: {
          'example.com': { min_confidence: 'high', skip_empty: false, max_bytes: 9_000 },
          'example.net': { via: 'smtp', schedule: { patient_cap_ms: 60_000 } },
        },
      },
    }),
    { env },
  );
  const of = (channel: 'email' | 'webhook' | 'slack' | 'x-mine', address: string) =>
    rulesOf(rules, { channel, address });

  it('DEL-16.b are those of the endpoint or hook, and none where it has none', () => {
    expect(of('webhook', 'pager')).toEqual({
      schedule: { give_up_after_ms: 7_200_000 },
      filter: { min_severity: 'critical', min_confidence: null, categories: null },
      skip_empty: true,
      max_bytes: null,
    });
    expect(of('slack', 'reviews').filter).toMatchObject({ categories: ['security'] });
    for (const none of [of('webhook', 'bot'), of('webhook', 'nobody'), of('x-mine', 'pager')]) {
      expect(none).toEqual(NO_RULES);
    }
  });

  it('DEL-16.b are those of the mail domain, member by member before those of all mail', () => {
    expect(of('email', 'a@Example.COM')).toEqual({
      schedule: { quick_attempts: 3 },
      filter: { min_severity: 'low', min_confidence: 'high', categories: null },
      skip_empty: false,
      max_bytes: 9_000,
    });
    expect(of('email', 'a@example.net').schedule).toEqual({ quick_attempts: 3, patient_cap_ms: 60_000 });
    expect(of('email', 'a@b.example.net')).toMatchObject({ filter: { min_severity: 'low' }, skip_empty: true });
  });
});
