import { describe, expect, it } from '@jest/globals';
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { v7 } from 'uuid';
import { newApiKey } from './api-keys.js';
import { errorChain } from './error-chain.js';
import { isSecretName, redact, redactValue } from './redact.js';
import { Secret } from './secret.js';

const pem = generateKeyPairSync('rsa', {
  modulusLength: 1024,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;
const pemLines = pem.trim().split('\n');

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJvcHMifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg';

const secrets: [string, string, string][] = [
  ['an API key of our own', newApiKey().key, ''],
  ['a GitHub token', `gh${'p'}_16C7e42F292c6912E7710c838347Ae178B4a`, ''],
  ['a GitLab token', 'glpat-9yTqEjzsW1pWcD2sQx1a', ''],
  ['a Slack token', `xox${'b'}-2444333222111-kQ81mz`, ''],
  ['an AWS key id', 'AKIAIOSFODNN7EXAMPLE', ''],
  ['a webhook secret', 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD', ''],
  ['a Vault token', 'hvs.CAESIJ1Zm9yZXN0', ''],
  ['a JSON Web Token', jwt, ''],
  ['a Slack hook', 'https://hooks.slack.com/services/T000/B000/XXXXsecretXXXX', 'XXXXsecretXXXX'],
  ['a bearer token', 'Authorization: Bearer abc-def-123', 'abc-def-123'],
  ['basic credentials', 'proxy said: Basic dXNlcjpwYXNz', 'dXNlcjpwYXNz'],
  ['a password in a URI', 'amqp://guest:p4ss:w@rd@mq:5672/', 'p4ss:w'],
  ['a password in an assignment', 'DB_PASSWORD=tangerine', 'tangerine'],
  ['a password in JSON', '{"user":"x","clientSecret": "a\\"b c"}', 'b c'],
  ['a password in YAML', 'api_key: tangerine', 'tangerine'],
  ['a password in an object dump', "{ passphrase: 'open sesame' }", 'open sesame'],
  ['an address', 'no such user: jo.doe+x@mail.example.org', 'jo.doe'],
  ['a PEM block', pem, pemLines[2]!],
];

/** Ordinary text of this trade, all of which must stay. */
const ordinary = [
  'const token = lexer.next(); if (token === null) return;',
  'function authorize(password: string, secret?: Secret): Promise<void>',
  'expected token: string | null',
  'this.password = options.password;',
  'keys: { password: required }',
  'a4f1c0d29be3b1b0a5cf71b40b8f0a0f8b5c2c79',
  createHash('sha256').update('a file').digest('hex'),
  'sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==',
  v7(),
  randomUUID(),
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  '01933d7e-1111-7000-8000-000000000001:0:3:stage.dead_lettered',
  '    at AsyncLocalStorageContextManager.bindFunction (/srv/assay/node_modules/@nestjs/core/router/router-execution-context.js:61:37)',
  '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
  '//depot/project/src/main/java/com/example/AbstractSingletonProxyFactoryBean2.java#12',
  'http://127.0.0.1:8080/v1/reviews?state=failed',
  'kafka broker kafka-0.kafka.svc:9092 is away',
  'ASSAY_POSTGRES_STATEMENT_TIMEOUT_MS=30000',
  'assay.stage.dead_lettered.v1 partition 3 offset 1042',
  'prompt_tokens: 1234, max_tokens=512',
  'the token expired, ask for a new one',
  'Basic research shows that bearer tokens leak',
  'import { getAllAndOverrideMetadataForHandlerAndClass } from "x";',
  'reserve_2_of_10_permits_for_queue_deliver_v1',
];

describe('redact', () => {
  it.each(secrets)('SEC-4.a takes %s out', (_name, text, part) => {
    for (const around of [text, `before ${text} after`, `{"message":${JSON.stringify(text)}}`]) {
      expect(redact(around)).not.toContain(part || text);
    }
    expect(redact(`before ${text}`)).toMatch(/^before /);
  });

  it('SEC-4.a takes random-looking strings out', () => {
    // From hashes, so that every run judges the same keys.
    const keys = Array.from({ length: 5_000 }, (_, i) => createHash('sha256').update(`key ${i}`).digest('base64url'));
    const missed = keys.filter((key) => redact(`value ${key}.`).includes(key));
    expect(missed.length).toBeLessThan(15);
    const base64 = keys.map((key) => Buffer.from(key, 'base64url').toString('base64'));
    expect(base64.filter((key) => redact(`{"value":"${key}"}`).includes(key)).length).toBeLessThan(15);
  });

  it.each(ordinary)('SEC-4.b leaves ordinary text: %s', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('SEC-4.b leaves a link with an id in it, whichever id', () => {
    for (let count = 0; count < 500; count++) {
      const link = `/v1/reviews/${v7()}/findings`;
      expect(redact(link)).toBe(link);
    }
    const key = newApiKey().key;
    expect(redact(`/v1/reviews/${v7()}/${key}`)).not.toContain(key);
  });

  it('SEC-4.b leaves its own work as it is', () => {
    for (const [, text] of secrets) expect(redact(redact(text))).toBe(redact(text));
  });

  it('SEC-4.b leaves addresses where the policy does', () => {
    expect(redact('to jo@example.org', { emails: false })).toBe('to jo@example.org');
  });

  it('SEC-4.c takes a block over several lines out, escaped newlines too', () => {
    const text = `key:\n${pem}\nnext line`;
    expect(redact(text)).toBe('key:\n[redacted]\n\nnext line');
    const escaped = redact(JSON.stringify({ pem }));
    for (const line of pemLines) expect(escaped).not.toContain(line);
  });

  it('SEC-4.c takes the head and the tail of a block that was cut off out', () => {
    const head = redact(`stack\n${pemLines.slice(0, 5).join('\n')}`);
    const tail = redact(`${pemLines.slice(-5).join('\n')}\nrest`);
    for (const line of pemLines.slice(1, 5)) expect(head).not.toContain(line);
    for (const line of pemLines.slice(-5, -1)) expect(tail).not.toContain(line);
    expect(tail).toMatch(/rest$/);
  });

  it.each([
    ['a JSON Web Token', jwt.slice(0, 30), jwt.slice(8, 30)],
    ['a URI', 'postgres://assay:very-se', 'very-se'],
    ['a quoted assignment', '{"password": "tanger', 'tanger'],
    ['our key', newApiKey().key.slice(0, 14), newApiKey().key.slice(6, 6) || 'assay_x'],
  ])('SEC-4.c takes %s that was cut off out', (_name, text, part) => {
    expect(redact(`cut: ${text}`)).not.toContain(part);
    expect(redact(`cut: ${text}`)).toContain('[redacted]');
  });

  it('SEC-4.d keeps every past leak shut', () => {
    const leaks = JSON.parse(readFileSync(new URL('past-leaks.fixture.json', import.meta.url), 'utf8')) as {
      text: string;
      secret: string;
    }[];
    expect(leaks.length).toBeGreaterThan(9);
    for (const { text, secret } of leaks) {
      expect(redact(text)).not.toContain(secret);
      expect(JSON.stringify(redactValue({ error: text }))).not.toContain(secret);
    }
  });

  it('takes time linear in the text', () => {
    const hostile = [
      'a'.repeat(200_000),
      'password'.repeat(25_000),
      'x:'.repeat(100_000),
      '-----BEGIN A-----'.repeat(12_000),
    ];
    for (const text of hostile) {
      const begun = performance.now();
      redact(text);
      expect(performance.now() - begun).toBeLessThan(1_500);
    }
  });
});

describe('redactValue', () => {
  it('SEC-4.a goes by key names, at any depth', () => {
    const clean = redactValue({
      user: 'x',
      smtp: { password: 'tangerine', 'x-api-key': 'k', tokens: ['a', 'b'], port: 25 },
      secret: new Secret('s'),
      token_count: 5,
      token: null,
    });
    expect(clean).toEqual({
      user: 'x',
      smtp: { password: '[redacted]', 'x-api-key': '[redacted]', tokens: '[redacted]', port: 25 },
      secret: '[redacted]',
      token_count: 5,
      token: null,
    });
  });

  it('SEC-4.b knows secret names from others', () => {
    for (const name of [
      'password',
      'DB_PASSWORD',
      'clientSecret',
      'x-api-key',
      'Authorization',
      'accessToken',
      'cookie',
    ]) {
      expect([name, isSecretName(name)]).toEqual([name, true]);
    }
    for (const name of ['token_count', 'idempotency_key', 'key_id', 'secretary', 'event', 'lease_owner', 'by_code']) {
      expect([name, isSecretName(name)]).toEqual([name, false]);
    }
  });

  it('SEC-4.a survives rings, depth, buffers and errors', () => {
    const ring: Record<string, unknown> = { bytes: Buffer.from('x'), error: new Error('password=tangerine') };
    ring.self = ring;
    const clean = redactValue(ring);
    expect(clean).toMatchObject({ bytes: '[1 bytes]', self: '[too deep]' });
    expect(JSON.stringify(clean)).not.toContain('tangerine');
  });
});

describe('errorChain', () => {
  it('DLQ-3.c tells each cause, redacted', () => {
    const inner = Object.assign(new Error('login failed for postgres://a:tangerine@h/db'), { code: '28P01' });
    const text = errorChain(new Error('could not store', { cause: inner }));
    expect(text).toMatch(/^Error: could not store\n[\s\S]*caused by: \[28P01\] Error: login failed/);
    expect(text).not.toContain('tangerine');
  });

  it('SEC-4.c is redacted before it is cut, and cut between characters', () => {
    for (let max = 60; max < 120; max += 1) {
      const text = errorChain(new Error(`ünlücky ${'ö'.repeat(10)} password=tangerine ${'é'.repeat(200)}`), max);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(max);
      expect(text).not.toMatch(/tang|\uFFFD/);
    }
  });

  it('takes anything that is thrown', () => {
    expect(errorChain('just text')).toBe('just text');
    expect(errorChain(undefined)).toBe('undefined');
    expect(errorChain(new AggregateError([new Error('one'), new Error('two')], 'both'))).toMatch(/one of: Error: two/);
    const ring = new Error('ring');
    ring.cause = ring;
    expect(errorChain(ring).length).toBeLessThan(9000);
  });
});
