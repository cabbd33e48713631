import { describe, expect, it } from '@jest/globals';
import { timeFaults } from './notifier.config.js';
import { readProvidersFile } from './providers/index.js';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const env = { HOOK: SECRET, HOOK_2: SECRET, SMTP: 'password', BAD: 'whsec_short' };

describe('timeFaults', () => {
  it('DEL-14.b wants the send time-out under half the lease and under the shutdown grace', () => {
    const sane = { send_timeout_ms: 8_000, lease_ms: 30_000, shutdown_grace_ms: 10_000 };
    expect(timeFaults(sane)).toEqual([]);
    expect(timeFaults({ ...sane, lease_ms: 16_000 })).toHaveLength(1);
    expect(timeFaults({ ...sane, shutdown_grace_ms: 8_000 })).toHaveLength(1);
    expect(timeFaults({ send_timeout_ms: 20_000, lease_ms: 30_000, shutdown_grace_ms: 10_000 })).toHaveLength(2);
  });
});

describe('readProvidersFile', () => {
  it('SEC-3.a reads mail server and endpoints, with secrets by reference', () => {
    const config = readProvidersFile(
      JSON.stringify({
        smtp: { host: 'mail', port: 25, from: 'Assay <assay@example.org>', user: 'u', password: 'env:SMTP' },
        webhook: {
          endpoints: {
            bot: { url: 'https://example.org/hook', secrets: ['env:HOOK', 'env:HOOK_2'] },
            strict: { url: 'https://example.org/strict', secrets: ['env:HOOK'], conflict_means_known: true },
          },
        },
      }),
      env,
    );
    expect(config.smtp).toMatchObject({ host: 'mail', port: 25, message_id_domain: 'example.org', secure: false });
    expect(config.smtp!.password!.current().reveal()).toBe('password');
    expect(config.webhooks[0]).toMatchObject({ name: 'bot', concurrency: 32 });
    expect(config.webhooks[0]!.secrets).toHaveLength(2);
    expect(config.webhooks.map(({ conflict_means_known }) => conflict_means_known)).toEqual([false, true]);
  });

  it('names every fault with its place at once, and repeats no secret', () => {
    const bad = {
      smtp: { port: 70_000, from: 'nobody', user: 'u', colour: 'red' },
      webhook: {
        endpoints: {
          'a b': { url: 'ftp://example.org', secrets: [] },
          meta: { url: 'http://169.254.169.254/latest', secrets: ['env:BAD', 'hunter2'] },
        },
      },
    };
    let message = '';
    try {
      readProvidersFile(JSON.stringify(bad), env);
    } catch (error) {
      ({ message } = error as Error);
    }
    const places = message.split('\n').map((line) => line.slice(0, line.indexOf(': ')));
    expect(places.sort()).toEqual(
      [
        '/smtp/colour',
        '/smtp/from',
        '/smtp',
        '/smtp/host',
        '/smtp/port',
        '/webhook/endpoints/a b',
        '/webhook/endpoints/a b/url',
        '/webhook/endpoints/a b/secrets',
        '/webhook/endpoints/meta/url',
        '/webhook/endpoints/meta/secrets/0',
        '/webhook/endpoints/meta/secrets/1',
      ].sort(),
    );
    expect(message).not.toContain('hunter2');
    expect(message).not.toContain('whsec_short');
  });
});
