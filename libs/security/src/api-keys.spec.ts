import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { maySee } from './access.js';
import { ApiKeyRing, newApiKey, parseApiKeys } from './api-keys.js';
import { onSecurityNotice } from './notices.js';
import type { SecurityNotice } from './notices.js';

const folder = mkdtempSync(join(tmpdir(), 'assay-keys-'));
const path = join(folder, 'keys.json');
const first = newApiKey();
const second = newApiKey();
const entry = (id: string, { sha256 }: { sha256: string }, more = {}) => ({
  id,
  sha256,
  role: 'submitter',
  sources: ['acme'],
  ...more,
});
const write = (...keys: object[]): void => {
  writeFileSync(`${path}.new`, JSON.stringify({ keys }));
  renameSync(`${path}.new`, path);
};

beforeEach(() => write(entry('one', first)));
afterAll(() => rmSync(folder, { recursive: true }));

describe('ApiKeyRing', () => {
  it('SEC-6.a knows a key by its SHA-256 alone and gives its principal', () => {
    const ring = new ApiKeyRing(path);
    expect(ring.authenticate(first.key)).toEqual({
      kind: 'known',
      principal: { key_id: 'one', role: 'submitter', sources: ['acme'], source: 'acme' },
    });
    expect(ring.authenticate(first.sha256)).toEqual({ kind: 'unknown' });
    expect(ring.authenticate('')).toEqual({ kind: 'unknown' });
    ring.close();
  });

  it('SEC-6.a makes keys of 256 random bits', () => {
    expect(Buffer.from(first.key.slice('assay_'.length), 'base64url')).toHaveLength(32);
    expect(first.key).not.toBe(second.key);
  });

  it('SEC-6.a refuses a key from its expiry on', () => {
    write(
      entry('old', first, { expires_at: new Date(Date.now() - 1).toISOString() }),
      entry('new', second, { expires_at: new Date(Date.now() + 60_000).toISOString() }),
    );
    const ring = new ApiKeyRing(path);
    expect(ring.authenticate(first.key)).toEqual({ kind: 'expired', key_id: 'old' });
    expect(ring.authenticate(second.key).kind).toBe('known');
    ring.close();
  });

  it('SEC-5.a takes two keys of one caller at once, so that one can be rotated', () => {
    write(entry('one', first), entry('one-next', second));
    const ring = new ApiKeyRing(path);
    expect([ring.authenticate(first.key).kind, ring.authenticate(second.key).kind]).toEqual(['known', 'known']);
    ring.close();
  });

  it('SEC-6.b forgets a revoked key by itself, within 30 s of the edit, as it is used', async () => {
    const ring = new ApiKeyRing(path);
    const begun = performance.now();
    const reloaded = new Promise<void>((resolve) => {
      const stop = onSecurityNotice((notice) => {
        if (notice.event !== 'file_reloaded') return;
        stop();
        resolve();
      });
    });
    write(entry('two', second));
    await reloaded;
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(ring.authenticate(first.key)).toEqual({ kind: 'unknown' });
    expect(ring.authenticate(second.key).kind).toBe('known');
    ring.close();
  }, 40_000);

  it('SEC-6.b keeps the last good ring on a bad edit and while the file is away, and says so once', async () => {
    const notices: SecurityNotice[] = [];
    const stop = onSecurityNotice((notice) => notices.push(notice));
    const ring = new ApiKeyRing(path);
    writeFileSync(path, '{"keys": [{');
    await ring.check();
    await ring.check();
    rmSync(path);
    await ring.check();
    await ring.check();
    expect(ring.authenticate(first.key).kind).toBe('known');
    expect(notices.map(({ event }) => event)).toEqual(['file_refused', 'file_refused']);
    write(entry('two', second));
    await ring.check();
    expect(ring.authenticate(first.key)).toEqual({ kind: 'unknown' });
    ring.close();
    stop();
  });
});

describe('the key file', () => {
  it('SEC-6.a names every fault with its entry', () => {
    const keys = [
      entry('a', first, { sources: ['acme', 'other'] }),
      entry('b', second, { sources: '*' }),
      { id: 'c', sha256: 'short', role: 'king', sources: [] },
      entry('d', newApiKey(), { role: 'operator', sources: ['with space'], expires_at: 'never' }),
      entry('e', newApiKey(), { sources: ['unknown'] }),
      entry('f', newApiKey()),
      entry('f', newApiKey()),
      null,
    ];
    let message = '';
    try {
      parseApiKeys(Buffer.from(JSON.stringify({ keys })));
    } catch (error) {
      message = (error as Error).message;
    }
    const faults = message.split('; ');
    expect(faults[0]).toBe('keys[0] (a): a submitter has exactly one source');
    expect(faults[1]).toBe('keys[1] (b): a submitter has exactly one source');
    expect(faults[2]).toMatch(/^keys\[2\] \(c\): "sha256" .*"role" .*"sources"/);
    expect(faults[3]).toMatch(/^keys\[3\] \(d\): "expires_at".*a source is not/);
    expect(faults[4]).toMatch(/^keys\[4\] \(e\): .*"unknown"/);
    expect(faults[5]).toBe('keys[6] (f): its id is there twice');
    expect(faults[6]).toMatch(/^keys\[7\]: "id" is missing/);
  });

  it('stops the start when it is no key file at all', () => {
    expect(() => parseApiKeys(Buffer.from('{}'))).toThrow('the file has no array "keys"');
    expect(() => new ApiKeyRing(join(folder, 'absent.json'))).toThrow('ENOENT');
  });
});

describe('maySee', () => {
  const principal = { key_id: 'k', role: 'operator' as const, source: 'acme' };

  it('admits the sources of the key alone', () => {
    expect(maySee({ ...principal, sources: ['acme'] }, 'acme')).toBe(true);
    expect(maySee({ ...principal, sources: ['acme'] }, 'acme2')).toBe(false);
    expect(maySee({ ...principal, sources: ['acme'] }, 'unknown')).toBe(false);
    expect(maySee({ ...principal, sources: '*' }, 'unknown')).toBe(true);
  });
});
