import { afterAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { ArtefactCipher, parseArtefactKeys } from './artefact-cipher.js';
import { onSecurityNotice } from './notices.js';
import { fixedSecret, resolveSecret } from './secret-source.js';
import { Secret } from './secret.js';
import { WatchedFile } from './watched-file.js';

const folder = mkdtempSync(join(tmpdir(), 'assay-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('Secret', () => {
  it('SEC-3.c shows nothing as string, JSON, template, inspection or member', () => {
    const secret = new Secret('tangerine');
    const shown = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true, depth: 9 }),
      format('%s %o %j', secret, secret, secret),
      JSON.stringify(Object.entries(secret)),
      secret + '',
    ].join(' ');
    expect(shown).not.toContain('tangerine');
    expect(shown).toContain('[redacted]');
    expect(secret.reveal()).toBe('tangerine');
  });
});

describe('resolveSecret', () => {
  it('SEC-3.a resolves env: and file: references, a final newline left out', () => {
    const path = join(folder, 'plain');
    writeFileSync(path, 'from file\n');
    expect(resolveSecret('env:X', { X: 'from env' }).current().reveal()).toBe('from env');
    expect(resolveSecret(`file:${path}`).current().reveal()).toBe('from file');
  });

  it('SEC-3.a names the reference, never a value, where it leads nowhere', () => {
    expect(() => resolveSecret('env:X', {})).toThrow('env:X: the environment has no X');
    expect(() => resolveSecret('file:/nowhere/x')).toThrow('file:/nowhere/x: ENOENT');
    for (const mistake of ['tangerine', 'vaultx:tangerine', 'env:', ':tangerine', '']) {
      expect(() => resolveSecret(mistake, {})).toThrow(/^a reference to a secret is expected: env:NAME or file:/);
    }
  });

  it('SEC-5.e re-reads a file on change', async () => {
    const path = join(folder, 'rotated');
    writeFileSync(path, 'old');
    const file = new WatchedFile({ path, what: 'secret', parse: (content) => new Secret(content.toString()) });
    const seen: string[] = [];
    file.onChange((secret) => seen.push(secret.reveal()));
    await file.check();
    writeFileSync(path, 'newer');
    await file.check();
    expect([file.current().reveal(), seen]).toEqual(['newer', ['newer']]);
    file.close();
  });
});

describe('resolveSecret with a check', () => {
  const check = (value: string): void => {
    if (!value.startsWith('good')) throw new Error('must be good');
  };

  it('SEC-5.e keeps the last good value of a file whose new one cannot be used, and takes the next', async () => {
    const path = join(folder, 'checked');
    writeFileSync(path, 'good-1');
    const source = resolveSecret(`file:${path}`, {}, check);
    const noticed = new Promise<string>((resolve) => {
      const stop = onSecurityNotice(({ event }) => (stop(), resolve(event)));
    });
    writeFileSync(path, 'half-written');
    expect(await noticed).toBe('file_refused');
    expect(source.current().reveal()).toBe('good-1');
    const changed = new Promise<void>((resolve) => source.onChange(resolve));
    writeFileSync(path, 'good-22');
    await changed;
    expect(source.current().reveal()).toBe('good-22');
  });

  it('SEC-3.a refuses a value that cannot be used at start, and does not repeat it', () => {
    const path = join(folder, 'bad');
    writeFileSync(path, 'hunter2');
    for (const reference of [`file:${path}`, 'env:BAD']) {
      expect(() => resolveSecret(reference, { BAD: 'hunter2' }, check)).toThrow('must be good');
      expect(() => resolveSecret(reference, { BAD: 'hunter2' }, check)).not.toThrow('hunter2');
    }
  });
});

describe('ArtefactCipher', () => {
  const key = () => randomBytes(32).toString('base64');
  const [one, two] = [key(), key()];

  it('SEC-8.d compresses, seals and opens again', () => {
    const cipher = new ArtefactCipher(fixedSecret(`k1:${one}`));
    const plain = Buffer.from('{"findings": []}'.repeat(500));
    const sealed = cipher.seal('artefact-1', plain);
    expect(sealed.key_id).toBe('k1');
    expect(sealed.bytes.length).toBeLessThan(plain.length / 10);
    expect(cipher.open('artefact-1', 'k1', sealed.bytes)).toEqual(plain);
    expect(cipher.seal('artefact-1', plain).bytes).not.toEqual(sealed.bytes);
  });

  it('SEC-8.d does not open under another id, another key or with a changed byte', () => {
    const cipher = new ArtefactCipher(fixedSecret(`k1:${one},k2:${two}`));
    const { bytes } = cipher.seal('artefact-1', Buffer.from('x'));
    expect(() => cipher.open('artefact-2', 'k1', bytes)).toThrow();
    expect(() => cipher.open('artefact-1', 'k2', bytes)).toThrow();
    expect(() => cipher.open('artefact-1', 'k3', bytes)).toThrow('key k3, which is not configured');
    bytes[30]! ^= 1;
    expect(() => cipher.open('artefact-1', 'k1', bytes)).toThrow();
  });

  it('SEC-8.d seals with the first of two active keys and opens what either sealed', () => {
    const before = new ArtefactCipher(fixedSecret(`k1:${one}`)).seal('a', Buffer.from('x'));
    const after = new ArtefactCipher(fixedSecret(`k2:${two},k1:${one}`));
    expect(after.open('a', before.key_id, before.bytes).toString()).toBe('x');
    expect(after.seal('a', Buffer.from('x')).key_id).toBe('k2');
  });

  it('SEC-8.d takes rotated keys while it runs, and keeps the old on a bad edit', () => {
    let value = `k1:${one}`;
    let changed = (): void => undefined;
    const cipher = new ArtefactCipher({
      current: () => new Secret(value),
      onChange: (listener) => {
        changed = listener;
        return () => undefined;
      },
      close: () => undefined,
    });
    value = `k2:${two},k1:${one}`;
    changed();
    expect(cipher.seal('a', Buffer.from('x')).key_id).toBe('k2');
    value = 'nonsense';
    changed();
    expect(cipher.seal('a', Buffer.from('x')).key_id).toBe('k2');
  });

  it('SEC-8.d names a bad key by its position', () => {
    expect(() => parseArtefactKeys(`k1:${one},k2:c2hvcnQ=`)).toThrow('artefact key 2 is not');
    expect(() => parseArtefactKeys(`k1:${one},k1:${two}`)).toThrow('artefact key 2 repeats the id k1');
    expect(() => parseArtefactKeys('')).toThrow('artefact key 1 is not');
  });
});
