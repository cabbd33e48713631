/** A fault of a certificate or a name; node has some thirty codes for them. */
export type ConnectionFault =
  'certificate_untrusted' | 'certificate_expired' | 'certificate_not_yet_valid' | 'certificate_name' | 'name_not_found';

const BY_NODE_CODE = new Map<string, ConnectionFault>([
  ['ENOTFOUND', 'name_not_found'],
  ['ENODATA', 'name_not_found'],
  ['CERT_HAS_EXPIRED', 'certificate_expired'],
  ['CERT_NOT_YET_VALID', 'certificate_not_yet_valid'],
  ['HOSTNAME_MISMATCH', 'certificate_name'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate_name'],
  ['ERR_TLS_CERT_ALTNAME_FORMAT', 'certificate_name'],
  // The other codes that node gives for the chain: https://nodejs.org/api/tls.html#x509-certificate-error-codes
  ...[
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
    'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
    'UNABLE_TO_GET_CRL',
    'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
    'CRL_SIGNATURE_FAILURE',
    'CRL_NOT_YET_VALID',
    'CRL_HAS_EXPIRED',
    'ERROR_IN_CRL_LAST_UPDATE_FIELD',
    'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
    'ERROR_IN_CERT_NOT_BEFORE_FIELD',
    'ERROR_IN_CERT_NOT_AFTER_FIELD',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'CERT_CHAIN_TOO_LONG',
    'CERT_SIGNATURE_FAILURE',
    'CERT_REVOKED',
    'CERT_UNTRUSTED',
    'CERT_REJECTED',
    'INVALID_CA',
    'INVALID_PURPOSE',
    'PATH_LENGTH_EXCEEDED',
    'UNSPECIFIED',
  ].map((code): [string, ConnectionFault] => [code, 'certificate_untrusted']),
]);

/**
 * The fault of a certificate or a name, which does not mend itself (DEL-7); null for any other. A resolver that cannot
 * be asked (`EAI_AGAIN`) says nothing about the name.
 */
export function connectionFault(node_code: string | null): ConnectionFault | null {
  return BY_NODE_CODE.get(node_code ?? '') ?? null;
}
