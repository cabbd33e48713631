import { prepareSecrets, useVault } from '@assay/security';
import { ConfigurationError, defineSettings, readSettings } from './read-settings.js';
import type { ReadOptions, SettingsDefinition } from './read-settings.js';
import type { Settings, Values } from './settings.js';
import { VAULT_SETTINGS, vaultConfigOf, vaultFaults } from './vault-settings.js';
import type { VaultValues } from './vault-settings.js';

const VAULT = defineSettings(VAULT_SETTINGS, vaultFaults);

/**
 * What a process starts with: its settings, once what they refer to in a vault has been fetched (SEC-3). Throws
 * {@link ConfigurationError} with every fault, as {@link readSettings} does.
 */
export async function readSettingsAndSecrets<S extends Settings>(
  definition: SettingsDefinition<S>,
  env: NodeJS.ProcessEnv = process.env,
  options: ReadOptions = {},
): Promise<Values<S>> {
  const faults = new Set<string>();
  const vault = collecting(faults, () => readVaultSettings(env));
  await useVault(vault && vaultConfigOf(vault));
  await prepareSecrets(referencesOf(definition, env), { wait_ms: vault?.vault_start_wait_ms });
  const values = collecting(faults, () => readSettings(definition, env, options));
  if (values === null || faults.size > 0) throw new ConfigurationError([...faults]);
  return values;
}

/** For who reads no other setting of the environment. Throws {@link ConfigurationError}. */
export function useVaultOf(env: NodeJS.ProcessEnv): Promise<void> {
  return useVault(vaultConfigOf(readVaultSettings(env)));
}

function readVaultSettings(env: NodeJS.ProcessEnv): VaultValues {
  const own = Object.values(VAULT_SETTINGS).map(({ env: name }) => [name, env[name]] as const);
  return readSettings(VAULT, Object.fromEntries(own));
}

function referencesOf({ settings }: SettingsDefinition, env: NodeJS.ProcessEnv): string[] {
  return Object.values(settings).flatMap((setting) => {
    const text = env[setting.env]?.trim();
    return text ? [...(setting.references?.(text) ?? [])] : [];
  });
}

function collecting<T>(faults: Set<string>, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const fault of error.faults) faults.add(fault);
    return null;
  }
}
