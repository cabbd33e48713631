import { describe, expect, it } from '@jest/globals';
import { behindDestination } from './behind-destination.js';

describe('behindDestination', () => {
  it.each([
    ['smtp', { channel: 'email', address: null, via: 'smtp' }],
    ['mail_api:eu', { channel: 'email', address: null, via: 'mail_api:eu' }],
    ['webhook:bot', { channel: 'webhook', address: 'bot', via: null }],
    ['slack:team', { channel: 'slack', address: 'team', via: null }],
    ['x-file:box', { channel: 'x-file', address: 'box', via: null }],
    ['x-file', { channel: 'x-file', address: null, via: null }],
  ])('finds whose deliveries go to %s', (name, behind) => {
    expect(behindDestination(name)).toEqual(behind);
  });

  it.each(['', 'webhook', 'webhook:', 'slack', 'email', 'email:a@b.c', 'mail_api:', 'pigeon:home', 'smtp:25'])(
    'knows no destination of the name %j',
    (name) => {
      expect(behindDestination(name)).toBeNull();
    },
  );
});
