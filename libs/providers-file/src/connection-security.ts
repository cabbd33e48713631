import type { SecretSource } from '@assay/security';

/** Whom to trust at a destination, and who we are there; each as PEM (DEL-16). */
export interface ConnectionSecurity {
  /** Instead of the authorities that node trusts. */
  ca: SecretSource | null;
  client_certificate: { cert: SecretSource; key: SecretSource } | null;
}

export const USUAL_SECURITY: ConnectionSecurity = { ca: null, client_certificate: null };

/** As node's TLS takes them; read anew for each connection, so that a rotated file counts from the next one on. */
export function tlsOptions({ ca, client_certificate }: ConnectionSecurity): {
  ca?: string;
  cert?: string;
  key?: string;
} {
  return {
    ...(ca && { ca: ca.current().reveal() }),
    ...(client_certificate && {
      cert: client_certificate.cert.current().reveal(),
      key: client_certificate.key.current().reveal(),
    }),
  };
}
