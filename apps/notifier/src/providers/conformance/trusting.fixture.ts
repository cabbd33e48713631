import { USUAL_SECURITY } from '@assay/providers-file';
import type { ConnectionSecurity } from '@assay/providers-file';
import { fixedSecret } from '@assay/security';
import type { Certificate } from '@assay/testing';

/** Of a provider that is told to trust it. */
export function trusting(certificate: Certificate | undefined): ConnectionSecurity {
  return certificate ? { ...USUAL_SECURITY, ca: fixedSecret(certificate.cert) } : USUAL_SECURITY;
}
