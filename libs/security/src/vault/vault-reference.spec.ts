import { describe, expect, it } from '@jest/globals';
import { isSecretReference, prepareSecrets, resolveSecret } from '../secret-source.js';
import { growingWaitMs } from './growing-wait.js';
import { readVaultReference } from './vault-reference.js';

describe('a reference to a vault', () => {
  it.each([
    ['app/ingest#password', 'app/data/ingest', 'password'],
    ['app/assay/prod/ingest#postgres_url', 'app/data/assay/prod/ingest', 'postgres_url'],
    ['team/kv//ingest#password', 'team/kv/data/ingest', 'password'],
    ['app/a+b@c#two words', 'app/data/a%2Bb%40c', 'two words'],
    ['app/x#a#b', 'app/data/x', 'a#b'],
  ])('%s names mount, path and key', (name, api_path, key) => {
    expect(isSecretReference(`vault:${name}`)).toBe(true);
    expect(readVaultReference(name)).toEqual({ api_path, key });
  });

  it.each([
    ...['tangerine', 'app#tangerine', 'app/tangerine', 'app/tangerine#', '/app/x#tangerine', 'app/../sys#tangerine'],
    ...['app/./x#tangerine', 'app/x/#tangerine', 'a//b//c#tangerine', 'app/x?v=1#tangerine', 'app/x y#tangerine'],
    ...['app/%2e%2e/sys#tangerine', '//x#tangerine', 'app//#tangerine', 'app/x# tangerine', 'app/x#tangerine\nmore'],
  ])('vault:%s is none, and is not repeated', (name) => {
    expect(isSecretReference(`vault:${name}`)).toBe(false);
    expect(() => resolveSecret(`vault:${name}`, {})).toThrow(
      /^a reference to a secret is expected: env:NAME or file:\/path or vault:mount\/path#key$/,
    );
  });

  it('leads nowhere without a vault, and says what to set', async () => {
    await prepareSecrets(['vault:app/ingest#password']);
    expect(() => resolveSecret('vault:app/ingest#password', {})).toThrow(
      'vault:app/ingest#password cannot be read, since there is no vault to ask; set ASSAY_VAULT_ADDRESS and ASSAY_VAULT_AUTH',
    );
  });
});

describe('a wait that grows', () => {
  it('doubles from a second to its cap, half of it by chance', () => {
    const least = (failures: number) => growingWaitMs(failures, 30_000, () => 0);
    const most = (failures: number) => growingWaitMs(failures, 30_000, () => 1);
    expect([1, 2, 3, 6, 99].map(most)).toEqual([1_000, 2_000, 4_000, 30_000, 30_000]);
    expect([1, 2, 3, 6, 99].map(least)).toEqual([500, 1_000, 2_000, 15_000, 15_000]);
    expect(growingWaitMs(1, 200, () => 1)).toBe(200);
  });
});
