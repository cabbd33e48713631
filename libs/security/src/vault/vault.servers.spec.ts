import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { useVaultOf } from '@assay/service';
import { eventually, provisionedVault } from '@assay/testing';
import type { ProvisionedVault } from '@assay/testing';
import { onSecurityNotice } from '../notices.js';
import type { SecurityNotice } from '../notices.js';
import { prepareSecrets, resolveSecret, useVault, vaultSecretAges } from '../secret-source.js';
import type { SecretCheck, SecretSource } from '../secret-source.js';

jest.setTimeout(120_000);

const POLL_MS = 200;
const REFERENCE = 'vault:app/ingest#password';
const PATH = 'app/data/ingest';
const READABLE = [PATH, 'app/data/kept', 'app/data/gone', 'team/kv/data/*', 'nowhere/data/*', 'cubbyhole/data/*'];

type Variables = Record<string, string>;

let vault: ProvisionedVault;
let notices: SecurityNotice[];
let endNotices: () => void;
const values: string[] = [];

beforeAll(async () => {
  vault = await provisionedVault(...READABLE);
  await vault.bao.mountKv('team/kv');
});
beforeEach(async () => {
  await put(`put before ${performance.now()}`);
  notices = [];
  endNotices = onSecurityNotice((notice) => notices.push(notice));
});
afterEach(async () => {
  endNotices();
  await useVault(null);
  for (const value of values) expect(inspect(notices, { depth: 9 })).not.toContain(value);
});
afterAll(() => vault.close());

/** A new version of the secret, whose value is returned. */
async function put(value: string, key = 'password'): Promise<string> {
  values.push(value);
  await vault.bao.put(PATH, { [key]: value });
  return value;
}

/** The reference as a process has it that has just started under these settings. */
async function started(env: Variables, reference = REFERENCE, check?: SecretCheck): Promise<SecretSource> {
  await useVaultOf({ ASSAY_VAULT_POLL_MS: String(POLL_MS), ...env });
  await prepareSecrets([reference]);
  return resolveSecret(reference, {}, check);
}

const shown = (source: SecretSource): string => source.current().reveal();
const count = (event: string, outcome?: string): number =>
  notices.filter(
    (notice) => notice.event === event && (!outcome || (notice as { outcome?: string }).outcome === outcome),
  ).length;
const logins = (): number => count('vault_login', 'logged_in');
function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
/** Until the secret has been looked at so many times more. */
async function looks(n: number, source: SecretSource): Promise<void> {
  for (let i = 0; i < n; i += 1) {
    const value = await put(`look-${i}-${performance.now()}`);
    await eventually(() => expect(shown(source)).toBe(value));
  }
}

describe('a login at OpenBao', () => {
  const ways: [string, () => Promise<Variables>][] = [
    ['Kubernetes', () => vault.kubernetes()],
    ['AppRole', () => vault.approle()],
    ['a token in a file', () => vault.tokenFile()],
  ];
  it.each(ways)('SEC-3.e by %s reads the secret, and what changes in it', async (way, settings) => {
    await put(`first by ${way}`);
    const source = await started(await settings());
    expect(shown(source)).toBe(`first by ${way}`);
    const changed = new Promise<void>((resolve) => source.onChange(resolve));
    await put(`second by ${way}`);
    await changed;
    expect(shown(source)).toBe(`second by ${way}`);
    expect(logins()).toBe(1);
  });

  it('SEC-3.e shows the projected token that stands in the file by then', async () => {
    const source = await started(await vault.kubernetes());
    await vault.projectToken();
    vault.reviews.expireOlder();
    await vault.revokeTokens();
    await looks(1, source);
    expect([logins(), count('vault_login', 'failed')]).toEqual([2, 0]);
  });

  it('SEC-3.e is refused with a projected token for another audience', async () => {
    const settings = await vault.kubernetes();
    await vault.projectToken('https://kubernetes.default.svc');
    await expect(started(settings)).rejects.toThrow(
      /^vault:app\/ingest#password cannot be read, since the vault refuses the login at auth\/kubernetes \(403\); see ASSAY_VAULT_KUBERNETES_/,
    );
  });

  it('SEC-3.e is refused with a wrong secret id, which is not repeated, and not tried again at once', async () => {
    const settings = await vault.approle();
    await writeFile(settings['ASSAY_VAULT_APPROLE_SECRET_ID_FILE']!, 'tangerine');
    const begun_ms = performance.now();
    await useVaultOf(settings);
    await prepareSecrets([REFERENCE], { wait_ms: 60_000 });
    await prepareSecrets([REFERENCE], { wait_ms: 60_000 });
    expect(performance.now() - begun_ms).toBeLessThan(30_000);
    const told = inspect(
      attempt(() => resolveSecret(REFERENCE)),
      { depth: 9 },
    );
    expect(told).toMatch(/refuses the login at auth\/approle \(400\)/);
    expect(told).not.toContain('tangerine');
    expect(count('vault_login', 'failed')).toBe(1);
  });

  it('SEC-3.e takes another token that an agent puts into the file, though the first would still do', async () => {
    const [settings, next] = [await vault.tokenFile(), await vault.tokenFile()];
    const source = await started(settings);
    await looks(1, source);
    expect(logins()).toBe(1);
    await writeFile(settings['ASSAY_VAULT_TOKEN_FILE']!, await readFile(next['ASSAY_VAULT_TOKEN_FILE']!));
    await eventually(() => expect(logins()).toBe(2));
    await looks(1, source);
    expect(logins()).toBe(2);
  });
});

describe('a token of OpenBao', () => {
  it('SEC-3.e is renewed at two thirds of its lease, and no login follows', async () => {
    const ttl_s = 4;
    const source = await started(await vault.approle({ ttl_s }));
    const begun_ms = performance.now();
    await eventually(() => expect(count('vault_login', 'renewed')).toBe(1));
    const renewed_ms = performance.now() - begun_ms;
    expect(renewed_ms).toBeGreaterThan(ttl_s * 600);
    expect(renewed_ms).toBeLessThan(ttl_s * 875);
    await eventually(() => expect(count('vault_login', 'renewed')).toBe(3));
    await looks(1, source);
    expect([logins(), count('vault_lost')]).toEqual([1, 0]);
  });

  it('SEC-3.e whose longest life is nearly over is replaced by another login, before it ends', async () => {
    const [ttl_s, max_ttl_s] = [3, 5];
    const source = await started(await vault.approle({ ttl_s, max_ttl_s }));
    const begun_ms = performance.now();
    await eventually(() => expect(logins()).toBe(2));
    expect(performance.now() - begun_ms).toBeLessThan(max_ttl_s * 950);
    await eventually(() => expect(logins()).toBe(3));
    await looks(1, source);
    expect([count('vault_lost'), count('secret_refused'), count('vault_login', 'failed')]).toEqual([0, 0, 0]);
  });

  it('SEC-3.e that was revoked is replaced by one other login', async () => {
    const source = await started(await vault.approle());
    await looks(1, source);
    await vault.revokeTokens();
    await looks(3, source);
    expect([logins(), count('vault_lost'), count('secret_refused')]).toEqual([2, 0, 0]);
  });
});

describe('a secret in OpenBao', () => {
  it('SEC-5.h stays while the vault is killed, its age told, and is taken anew when the vault is back', async () => {
    const before = await put('before the crash');
    const source = await started(await vault.approle());
    await vault.bao.stop('SIGKILL');
    await eventually(() => expect(count('vault_lost')).toBe(1));
    await eventually(() => expect(vaultSecretAges()[0]!.age_s).toBeGreaterThan(2));
    expect(vaultSecretAges()[0]!.reference).toBe(REFERENCE);
    expect(shown(source)).toBe(before);
    await vault.bao.start();
    const after = await put('after the crash');
    await eventually(() => expect(shown(source)).toBe(after));
    await eventually(() => expect(vaultSecretAges()[0]!.age_s).toBeLessThan(2));
    expect([count('vault_lost'), count('vault_regained'), count('secret_refused')]).toEqual([1, 1, 0]);
  });

  it('SEC-5.h stays while the vault is sealed, which is told once', async () => {
    const before = await put('before the seal');
    const source = await started(await vault.approle());
    await vault.bao.seal();
    await eventually(() => expect(count('vault_lost')).toBe(1));
    await eventually(() => expect(vaultSecretAges()[0]!.age_s).toBeGreaterThan(1.5));
    expect(shown(source)).toBe(before);
    const lost = notices.find(({ event }) => event === 'vault_lost') as { error: Error };
    expect(lost.error.message).toMatch(/^the vault at https:\/\/127\.0\.0\.1:\d+ is sealed$/);
    await vault.bao.unseal();
    await looks(1, source);
    expect([count('vault_lost'), count('vault_regained')]).toEqual([1, 1]);
  });

  it('SEC-5.h keeps its last good value over one that cannot be used, told once, and takes the next', async () => {
    const check: SecretCheck = (value) => {
      if (value.startsWith('bad')) throw new Error('must be good');
    };
    const good = await put('good-1');
    const source = await started(await vault.approle(), REFERENCE, check);
    await put('bad-1');
    await eventually(() => expect(count('secret_refused')).toBe(1));
    await put('bad-2');
    await eventually(() => expect(vaultSecretAges()[0]!.age_s).toBeGreaterThan(1));
    expect([shown(source), count('secret_refused')]).toEqual([good, 1]);
    const next = await put('good-2');
    await eventually(() => expect(shown(source)).toBe(next));
  });

  it('SEC-5.h keeps its last good value while the policy denies it, without a login for that', async () => {
    const before = await put('before the denial');
    const source = await started(await vault.approle());
    await vault.bao.allowReading('assay-ingest', 'app/data/other');
    await eventually(() => expect(count('secret_refused')).toBe(1));
    await eventually(() => expect(vaultSecretAges()[0]!.age_s).toBeGreaterThan(1.5));
    expect([shown(source), logins(), count('secret_refused')]).toEqual([before, 1, 1]);
    await vault.bao.allowReading('assay-ingest', ...READABLE);
    await looks(1, source);
  });

  it('SEC-3.e is waited for at a start while the vault comes up', async () => {
    const value = await put('as it comes up');
    await useVaultOf(await vault.approle());
    await vault.bao.stop('SIGKILL');
    const prepared = prepareSecrets([REFERENCE], { wait_ms: 60_000 });
    await vault.bao.start();
    await prepared;
    expect(shown(resolveSecret(REFERENCE))).toBe(value);
  });

  it('SEC-3.e may stand below a mount of several segments, and end with a newline that is none of it', async () => {
    await vault.bao.put('team/kv/data/deep/down', { 'a key': 'pear\n' });
    expect(shown(await started(await vault.approle(), 'vault:team/kv//deep/down#a key'))).toBe('pear');
  });

  it('SEC-3.e is read in the namespace that is set', async () => {
    const { bao } = vault;
    await bao.tell('sys/namespaces/team-a', {});
    await bao.tell('team-a/sys/mounts/app', { type: 'kv', options: { version: '2' } });
    await bao.put(`team-a/${PATH}`, { password: 'of team a' });
    await bao.tell('team-a/sys/policies/acl/reader', { policy: `path "${PATH}" { capabilities = ["read"] }` });
    const { auth } = await bao.tell('team-a/auth/token/create', { policies: ['reader'], ttl: '10m' });
    const settings = await vault.tokenFile();
    await writeFile(settings['ASSAY_VAULT_TOKEN_FILE']!, auth!['client_token'] as string);
    expect(shown(await started({ ...settings, ASSAY_VAULT_NAMESPACE: 'team-a' }))).toBe('of team a');
  });

  const lacks: [string, string, RegExp][] = [
    [
      'a path that no policy allows',
      'vault:app/other#x',
      /policies of this login do not let it read app\/data\/other \(403\)$/,
    ],
    [
      'a path without a secret',
      'vault:team/kv//nothing#x',
      /there is no such secret: team\/kv\/data\/nothing \(404\)$/,
    ],
    ['a mount that is not there', 'vault:nowhere/x#x', /there is no such mount: nowhere\/data\/x \(404\)$/],
    ['a version that was deleted', 'vault:app/gone#x', /the newest version at app\/data\/gone is deleted \(404\)$/],
    ['a key that is not there', 'vault:app/kept#other', /app\/data\/kept has no key other$/],
    ['a key that holds no text', 'vault:app/kept#number', /what stands at number of app\/data\/kept is no text$/],
    ['a key that is empty', 'vault:app/kept#empty', /empty of app\/data\/kept is empty$/],
    ['an engine of another kind', 'vault:cubbyhole/x#x', /there is no such secret: cubbyhole\/data\/x \(404\)$/],
  ];
  it.each(lacks)('SEC-3.e is named with the reason for %s', async (_what, reference, reason) => {
    await vault.bao.put('app/data/kept', { x: 'y', number: 7, empty: '\n' });
    await vault.bao.put('app/data/gone', { x: 'y' });
    await vault.bao.tell('app/delete/gone', { versions: [1, 2, 3, 4, 5, 6, 7, 8, 9] });
    const failing = started(await vault.approle(), reference);
    await expect(failing).rejects.toThrow(reason);
    await expect(failing).rejects.toThrow(`${reference} cannot be read, since `);
    expect(logins()).toBe(1);
  });
});
