import { describe, expect, it } from '@jest/globals';
import { mailProviderOf } from './mail-route.js';
import { MAIL_SERVICES } from './mail-services/index.js';
import { readProvidersFile } from './read-providers-file.js';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const env = { HOOK: SECRET, HOOK_2: SECRET, SMTP: 'password', BAD: 'whsec_short' };

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
      { env },
    );
    expect(config.smtp).toMatchObject({ host: 'mail', port: 25, message_id_domain: 'example.org', secure: false });
    expect(config.smtp!.password!.current().reveal()).toBe('password');
    expect(config.webhooks[0]).toMatchObject({ name: 'bot', concurrency: 32 });
    expect(config.webhooks[0]!.secrets).toHaveLength(2);
    expect(config.webhooks.map(({ conflict_means_known }) => conflict_means_known)).toEqual([false, true]);
  });

  it('DEL-5.f reads mail services, one that is known and one by its mapping, and who sends mail to which domain', () => {
    const mapping = MAIL_SERVICES['postmark']!.mapping;
    const service = { token: 'env:SMTP', from: 'Assay <assay@Example.org>' };
    const { mail_apis, mail_route } = readProvidersFile(
      JSON.stringify({
        smtp: { host: 'mail', from: 'assay@example.org' },
        mail_api: {
          services: {
            fast: { ...service, like: 'resend', rate_per_s: 2, mapping: { remembers_key_ms: 1_000 } },
            own: { ...service, url: 'https://mail.example.org/api', domain: 'mail.example.org', mapping },
          },
        },
        mail: { domains: { 'example.com': { via: 'fast' }, 'example.net': { via: 'own' } } },
      }),
      { env },
    );
    expect(mail_apis).toMatchObject([
      { name: 'fast', domain: 'example.org', concurrency: 8, rate_per_s: 2, conflict_means_known: false },
      { name: 'own', domain: 'mail.example.org', mapping },
    ]);
    expect(mail_apis[0]!.mapping).toEqual({ ...MAIL_SERVICES['resend']!.mapping, remembers_key_ms: 1_000 });
    expect(mail_apis.map(({ url }) => url.href)).toEqual(['https://api.resend.com/', 'https://mail.example.org/api']);
    expect(
      ['a@example.com', 'a@EXAMPLE.net', 'a@b.example.com', 'a@x'].map((address) =>
        mailProviderOf(mail_route, address),
      ),
    ).toEqual(['mail_api:fast', 'mail_api:own', 'smtp', 'smtp']);
  });

  it('DEL-5.f sends all mail through the only service, and asks which where there are several', () => {
    const service = { token: 'env:SMTP', from: 'assay@example.org', like: 'resend' };
    const of = (services: object) => readProvidersFile(JSON.stringify({ mail_api: { services } }), { env });
    expect(mailProviderOf(of({ one: service }).mail_route, 'a@b.c')).toBe('mail_api:one');
    expect(() => of({ one: service, two: service })).toThrow('/mail/via: is missing: several services could send mail');
  });

  it('DEL-6.a takes the URL of a Slack hook as a secret, and does not repeat it', () => {
    const of = (url: string, hook = 'https://hooks.example.org/services/T/B/tangerine') =>
      readProvidersFile(JSON.stringify({ slack: { hooks: { reviews: { url } } } }), {
        env: { SLACK: hook },
      });
    const [reviews] = of('env:SLACK').slack_hooks;
    expect(reviews).toMatchObject({ name: 'reviews', concurrency: 1, rate_per_s: 1 });
    expect(() => of('https://hooks.example.org/services/T/B/tangerine')).toThrow(
      /^\/slack\/hooks\/reviews\/url: a reference/,
    );
    for (const hook of ['ftp://x/tangerine', 'tangerine', 'http://169.254.169.254/tangerine']) {
      expect(() => of('env:SLACK', hook)).toThrow('/slack/hooks/reviews/url: must be an http or https URL');
      expect(() => of('env:SLACK', hook)).not.toThrow('tangerine');
    }
  });

  it('says of a name, a path and an empty text what they have to be', () => {
    const faults = (file: object): string[] => {
      try {
        readProvidersFile(JSON.stringify(file), { env });
        return [];
      } catch (error) {
        return (error as Error).message.split('\n');
      }
    };
    expect(faults({ own: { chat: { module: '/chat.mjs' } } })).toEqual([
      '/own/chat: is no name here: x- comes first, and then small letters, digits and single hyphens',
    ]);
    expect(faults({ own: { 'x-chat': { module: 'chat.mjs' } } })).toEqual(['/own/x-chat/module: must begin with a /']);
    const endpoint = { url: 'https://example.org/hook', secrets: ['env:HOOK'] };
    expect(faults({ webhook: { endpoints: { 'a/b': endpoint } } })).toEqual([
      '/webhook/endpoints/a~1b: is no name here: a letter or digit comes first, and then letters, digits, dots, underscores and hyphens, 100 at most',
    ]);
    expect(faults({ webhook: { endpoints: { bot: { ...endpoint, headers: { 'X-Team': 'a' } } } } })).toEqual([
      '/webhook/endpoints/bot/headers/X-Team: is no name here: small letters, digits and hyphens, 60 at most',
    ]);
    expect(faults({ mail: { domains: { 'Example.org': {} } } })[0]).toBe(
      '/mail/domains/Example.org: is no name here: a domain in small letters',
    );
    expect(faults({ smtp: { host: ' ', from: 'assay@example.org' } })).toEqual(['/smtp/host: must not be empty']);
  });

  it('DEL-5.f names what is wrong with a mail service', () => {
    const faults = (services: object, mail = {}): string[] => {
      try {
        readProvidersFile(JSON.stringify({ mail_api: { services }, mail }), { env });
        return [];
      } catch (error) {
        return (error as Error).message.split('\n');
      }
    };
    const service = { token: 'env:SMTP', from: 'assay@example.org' };
    const { send } = MAIL_SERVICES['resend']!.mapping;
    expect(faults({ a: { ...service, like: 'pigeon' } })).toEqual([
      '/mail_api/services/a/like: must be one of mailgun, postmark, resend, sendgrid',
    ]);
    expect(faults({ smtp: { ...service, like: 'resend' } })).toEqual([
      '/mail_api/services/smtp: smtp is the mail server; a service needs another name',
    ]);
    expect(faults({ a: { ...service, url: 'https://a' } })[0]).toBe(
      '/mail_api/services/a/mapping/auth: is missing, and so is like',
    );
    const mistyped = { send: { ...send, body: { to: '{recipient}' } } };
    expect(faults({ a: { ...service, like: 'resend', mapping: mistyped } })).toEqual([
      '/mail_api/services/a/mapping: {recipient} is no placeholder',
    ]);
    const odd = { refusals: { code: null, codes: { x: 'angry' }, statuses: {} }, auth: { scheme: 'basic' } };
    expect(faults({ a: { ...service, like: 'resend', mapping: odd } })).toContain(
      '/mail_api/services/a/mapping/auth/user: is missing',
    );
    expect(faults({ a: { ...service, like: 'resend' } }, { domains: { 'example.com': { via: 'b' } } })).toEqual([
      '/mail/domains/example.com/via: no such provider of mail; known: a',
    ]);
  });

  it('DEL-16.a reads authority, client certificate, headers and token, the secrets among them by reference', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----';
    const tls = { ca: 'env:CA', client_certificate: { cert: 'env:CA', key: 'env:CA' } };
    const endpoint = { url: 'https://example.org/hook', secrets: ['env:HOOK'], ...tls };
    const of = (different: object, ca = pem) => {
      const webhook = { endpoints: { bot: { ...endpoint, ...different } } };
      const smtp = { host: 'mail', from: 'a@example.org', ...tls };
      return readProvidersFile(JSON.stringify({ smtp, webhook }), {
        env: { ...env, CA: ca, TOKEN: 'tangerine' },
      });
    };
    const named = { headers: { 'x-team': 'a' }, secret_headers: { 'x-key': 'env:TOKEN' }, bearer: 'env:TOKEN' };
    const { webhooks, smtp } = of(named);
    const [bot] = webhooks;
    expect(bot!.headers).toEqual({ 'x-team': 'a' });
    const secrets = [bot!.secret_headers['x-key']!, bot!.bearer!];
    expect(secrets.map((each) => each.current().reveal())).toEqual(['tangerine', 'tangerine']);
    const keys = [smtp, bot].map((each) => each!.security.client_certificate!.key.current().reveal());
    expect(keys).toEqual([pem, pem]);
    expect(() => of({}, 'no certificate')).toThrow('/smtp/client_certificate/key: ');
    expect(() => of({ bearer: 'tangerine' })).toThrow('/webhook/endpoints/bot/bearer: a reference to a secret');
    expect(() => of({ headers: { 'webhook-id': 'x' } })).toThrow(
      '/webhook/endpoints/bot/headers/webhook-id: is set by',
    );
    expect(() => of({ headers: { 'x-a': 'b\r\nhost: c' } })).toThrow('/webhook/endpoints/bot/headers/x-a: ');
  });

  it.each(['169.254.169.254', '168.63.129.16', 'fe80::1', '[fd20:ce::254]', '64:ff9b::a9fe:a9fe'])(
    'SEC-9.b refuses a mail server that is given as %s',
    (host) => {
      const read = () => readProvidersFile(JSON.stringify({ smtp: { host, from: 'a@example.org' } }), { env });
      expect(read).toThrow('/smtp/host: names a link-local or metadata address');
    },
  );

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
      readProvidersFile(JSON.stringify(bad), { env });
    } catch (error) {
      ({ message } = error as Error);
    }
    const places = message.split('\n').map((line) => line.slice(0, line.indexOf(': ')));
    expect(places.sort()).toEqual(
      [
        '/smtp/colour',
        '/smtp/from',
        '/smtp/password',
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
