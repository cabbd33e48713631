import { describe, expect, it } from '@jest/globals';
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { v7 } from 'uuid';
import { newApiKey } from './api-keys.js';
import { errorChain } from './error-chain.js';
import { redact, redactValue } from './redact.js';
import { isSecretName } from './redaction/secret-names.js';
import { Secret } from './secret.js';

const pem = generateKeyPairSync('rsa', {
  modulusLength: 1024,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;
const pemLines = pem.trim().split('\n');

/** A text, in parts where it would look like a token to whoever scans repositories for them. */
type Parts = string | readonly string[];
const whole = (parts: Parts): string => (typeof parts === 'string' ? parts : parts.join(''));
const fixture = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

/** Both directions as data: what is taken, with the secret in it, and what operators need and keep. */
const examples = fixture('redaction/examples.fixture.json') as {
  taken: { what: string; text: Parts; secret: Parts }[];
  kept: string[];
};
const taken: [string, string, string][] = [
  ...examples.taken.map(({ what, text, secret }) => [what, whole(text), whole(secret)] as [string, string, string]),
  ['an API key of our own', ...twice(newApiKey().key)],
  ['a PEM block', pem, pemLines[2]!],
];
function twice(text: string): [string, string] {
  return [text, text];
}
const kept = [...examples.kept, v7(), randomUUID(), createHash('sha256').update('a file').digest('hex')];

describe('redact', () => {
  it.each(taken)('SEC-4.a takes out: %s', (_what, text, secret) => {
    expect(text).toContain(secret);
    const inJson = (value: string) => JSON.stringify(value).slice(1, -1);
    for (const around of [text, `${text}\nafter`, `before ${text}`, `first\n${text}`]) {
      expect(redact(around)).not.toContain(secret);
    }
    for (const nested of [inJson(text), inJson(inJson(text))]) {
      expect(redact(`{"message":"${nested}"}`)).not.toContain(secret);
    }
    expect(redact(`before ${text}`)).toMatch(/^before /);
    // A block without its end may go on.
    if (!text.includes('-----BEGIN')) expect(redact(`${text}\nafter`)).toMatch(/after$/);
  });

  it('SEC-4.a takes random-looking strings out', () => {
    // From hashes, so that every run judges the same keys.
    const keys = Array.from({ length: 5_000 }, (_, i) => createHash('sha256').update(`key ${i}`).digest('base64url'));
    const missed = keys.filter((key) => redact(`value ${key}.`).includes(key));
    expect(missed.length).toBeLessThan(15);
    const base64 = keys.map((key) => Buffer.from(key, 'base64url').toString('base64'));
    expect(base64.filter((key) => redact(`{"value":"${key}"}`).includes(key)).length).toBeLessThan(15);
  });

  it.each(kept)('SEC-4.b leaves: %s', (text) => {
    for (const around of [text, `before ${text} after`, `${text}\n${text}`]) expect(redact(around)).toBe(around);
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
    for (const [, text] of taken) expect(redact(redact(text))).toBe(redact(text));
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
    ['a JSON Web Token', `${'ey'}JhbGciOiJIUzI1NiJ9.eyJzdWIiOi`, 'IUzI1NiJ9'],
    ['a URI', 'postgres://assay:very-se', 'very-se'],
    ['a quoted assignment', '{"password": "tanger', 'tanger'],
    ['our key', newApiKey().key.slice(0, 14), newApiKey().key.slice(6, 6) || 'assay_x'],
  ])('SEC-4.c takes %s that was cut off out', (_name, text, part) => {
    expect(redact(`cut: ${text}`)).not.toContain(part);
    expect(redact(`cut: ${text}`)).toContain('[redacted]');
  });

  it('SEC-4.d keeps every past leak shut', () => {
    const leaks = fixture('past-leaks.fixture.json') as { text: Parts; secret: string }[];
    expect(leaks.length).toBeGreaterThan(9);
    for (const { text: parts, secret } of leaks) {
      const text = whole(parts);
      expect(redact(text)).not.toContain(secret);
      expect(JSON.stringify(redactValue({ error: text }))).not.toContain(secret);
    }
  });
});

describe('redactValue', () => {
  it('SEC-4.a goes by key names, at any depth', () => {
    const clean = redactValue({
      user: 'x',
      smtp: {
        auth: { user: 'u', pass: 'tangerine' },
        password: 'tangerine',
        'x-api-key': 'k',
        tokens: ['a', 'b'],
        port: 25,
      },
      secret: new Secret('s'),
      auth: 'u:tangerine',
      token_count: 5,
      token: null,
    });
    expect(clean).toEqual({
      user: 'x',
      smtp: {
        auth: { user: 'u', pass: '[redacted]' },
        password: '[redacted]',
        'x-api-key': '[redacted]',
        tokens: '[redacted]',
        port: 25,
      },
      secret: '[redacted]',
      auth: '[redacted]',
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
      'DB_PASS',
      'accountKey',
      'cookie',
    ]) {
      expect([name, isSecretName(name)]).toEqual([name, true]);
    }
    for (const name of [
      'token_count',
      'idempotency_key',
      'key_id',
      'secretary',
      'event',
      'lease_owner',
      'by_code',
      'bypass',
    ]) {
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
