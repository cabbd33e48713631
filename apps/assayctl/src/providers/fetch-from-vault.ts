import { prepareSecrets, useVault } from '@assay/security';
import { ConfigurationError, useVaultOf } from '@assay/service';
import { UsageError } from '../terminal.js';

/**
 * Fetches what references lead to in the vault that `ASSAY_VAULT_*` name; what cannot be had is told when the file is
 * judged. Returns the function that leaves the vault. Throws {@link UsageError} where these settings have a fault.
 */
export async function fetchFromVault(
  references: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<() => Promise<void>> {
  try {
    await useVaultOf(env);
  } catch (error) {
    if (error instanceof ConfigurationError) throw new UsageError(error.message);
    throw error;
  }
  await prepareSecrets(references);
  return () => useVault(null);
}
