import { vaultSecretAges } from '@assay/security';
import { observableGauge } from './metrics.js';

/** Returns the function that ends it. */
export function observeSecrets(): () => void {
  const reported = new Set<string>();
  return observableGauge(
    'assay_vault_secret_age_seconds',
    'Seconds since the vault last gave a secret that is in use, by reference; 0 for one that is in use no more. Rises while the vault is away, or while what it gives cannot be used',
    () => {
      const ages = new Map(vaultSecretAges().map(({ reference, age_s }) => [reference, age_s]));
      for (const reference of ages.keys()) reported.add(reference);
      return [...reported].map((secret) => ({ value: ages.get(secret) ?? 0, labels: { secret } }));
    },
  );
}
