import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROCESS_SETTINGS } from './common-settings.js';
import { defineSettings, readSettings } from './read-settings.js';
import { readSettingsAndSecrets } from './read-settings-and-secrets.js';
import { faultsIn } from './settings.fixture.js';
import { secretRef } from './settings.js';
import { VAULT_SETTINGS, vaultConfigOf, vaultFaults } from './vault-settings.js';

const folder = mkdtempSync(join(tmpdir(), 'assay-vault-settings-'));
const path = join(folder, 'shown');
writeFileSync(path, 'x');
afterAll(() => rmSync(folder, { recursive: true }));

const address = { ASSAY_VAULT_ADDRESS: 'https://vault.example.org:8200/' };
const kubernetes = {
  ...address,
  ASSAY_VAULT_AUTH: 'kubernetes',
  ASSAY_VAULT_KUBERNETES_ROLE: 'ingest',
  ASSAY_VAULT_KUBERNETES_TOKEN_FILE: path,
};
const approle = {
  ...address,
  ASSAY_VAULT_AUTH: 'approle',
  ASSAY_VAULT_APPROLE_ROLE_ID_FILE: path,
  ASSAY_VAULT_APPROLE_SECRET_ID_FILE: path,
};
const token_file = { ...address, ASSAY_VAULT_AUTH: 'token_file', ASSAY_VAULT_TOKEN_FILE: path };
const settings = defineSettings(VAULT_SETTINGS, vaultFaults);
const configOf = (env: Record<string, string>) => vaultConfigOf(readSettings(settings, env));

const faultsOf = (env: Record<string, string>) => faultsIn(settings, env);

describe('the settings of a vault', () => {
  it('name no vault where there is none', () => {
    expect(configOf({})).toBeNull();
  });

  it('name each login with what it shows, at the mount of its own name or at another', () => {
    const usual = { address: 'https://vault.example.org:8200', namespace: null, ca_file: null, poll_ms: 30_000 };
    expect(configOf(kubernetes)).toEqual({
      ...usual,
      auth: { method: 'kubernetes', mount: 'kubernetes', role: 'ingest', token_file: path },
    });
    expect(configOf({ ...approle, ASSAY_VAULT_AUTH_MOUNT: 'teams/a' })).toEqual({
      ...usual,
      auth: { method: 'approle', mount: 'teams/a', role_id_file: path, secret_id_file: path },
    });
    expect(configOf(token_file)).toEqual({ ...usual, auth: { method: 'token_file', token_file: path } });
  });

  it.each([
    [
      { ...kubernetes, ASSAY_VAULT_KUBERNETES_ROLE: '' },
      'ASSAY_VAULT_KUBERNETES_ROLE: is missing; kubernetes needs it',
    ],
    [
      { ...approle, ASSAY_VAULT_APPROLE_SECRET_ID_FILE: '' },
      'ASSAY_VAULT_APPROLE_SECRET_ID_FILE: is missing; approle needs it',
    ],
    [{ ...token_file, ASSAY_VAULT_TOKEN_FILE: '' }, 'ASSAY_VAULT_TOKEN_FILE: is missing; token_file needs it'],
    [address, 'ASSAY_VAULT_AUTH: is missing; say how to log in: kubernetes, approle, token_file'],
    [
      { ...token_file, ASSAY_VAULT_AUTH_MOUNT: 'x' },
      'ASSAY_VAULT_AUTH_MOUNT: means nothing with token_file; leave it out',
    ],
    [{ ...approle, ASSAY_VAULT_TOKEN_FILE: path }, 'ASSAY_VAULT_TOKEN_FILE: means nothing with approle; leave it out'],
    [
      { ASSAY_VAULT_NAMESPACE: 'a' },
      'ASSAY_VAULT_NAMESPACE: means nothing without ASSAY_VAULT_ADDRESS; set that, or leave this out',
    ],
    [
      { ...token_file, ASSAY_VAULT_ADDRESS: 'http://vault.example.org' },
      'ASSAY_VAULT_ADDRESS: must begin with https://, for tokens and secrets travel there',
    ],
    [
      { ...token_file, ASSAY_VAULT_ADDRESS: 'https://ann:pear@vault.example.org' },
      'ASSAY_VAULT_ADDRESS: must be an address and nothing else: https://host:8200',
    ],
  ])('are refused with the cure: %j', (env, fault) => {
    expect(faultsOf(env as Record<string, string>)).toEqual([fault]);
  });

  it('may lead to this machine without TLS, where an agent listens', () => {
    expect(configOf({ ...token_file, ASSAY_VAULT_ADDRESS: 'http://127.0.0.1:8100' })?.address).toBe(
      'http://127.0.0.1:8100',
    );
  });
});

describe('readSettingsAndSecrets', () => {
  const definition = defineSettings({
    ...PROCESS_SETTINGS,
    token: secretRef({ env: 'ASSAY_TOKEN', doc: 'A secret.' }),
  });

  it('names the faults of the vault beside all others, each once', async () => {
    const env = { ...approle, ASSAY_VAULT_POLL_MS: '1', ASSAY_TOKEN: 'tangerine', ASSAY_TOKN: 'x' };
    await expect(readSettingsAndSecrets(definition, env)).rejects.toMatchObject({
      faults: [
        'ASSAY_VAULT_POLL_MS: must be a whole number from 200 to 3600000',
        'ASSAY_TOKEN: a reference to a secret is expected: env:NAME or file:/path or vault:mount/path#key',
        'ASSAY_TOKN: no such setting; did you mean ASSAY_TOKEN?',
      ],
    });
  });

  it('names the setting and the reference of what a vault that is away would have', async () => {
    const env = { ...token_file, ASSAY_VAULT_ADDRESS: 'http://127.0.0.1:1', ASSAY_VAULT_START_WAIT_MS: '0' };
    const reading = readSettingsAndSecrets(definition, { ...env, ASSAY_TOKEN: 'vault:app/ingest#token' });
    await expect(reading).rejects.toMatchObject({
      faults: [
        'ASSAY_TOKEN: vault:app/ingest#token cannot be read, since the vault at http://127.0.0.1:1 cannot be reached (ECONNREFUSED)',
      ],
    });
  });
});
