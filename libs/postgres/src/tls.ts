import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';

/** As libpq means them, but for `allow` and `prefer`, which promise nothing. */
export const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** How a connection is protected, by the files that say so. */
export interface TlsFiles {
  /**
   * `disable`: not at all. `require`: encrypted, whoever the server is. `verify-ca`: the authority vouches for its
   * certificate. `verify-full`: and the certificate names the host.
   */
  readonly mode: SslMode;
  /** The authority's certificates as PEM; absent or `system`: those that Node trusts. */
  readonly sslrootcert?: string;
  /** The client's certificate and its key as PEM. */
  readonly sslcert?: string;
  readonly sslkey?: string;
}

/**
 * What the driver wants to know. Reads the files anew, so that a connection is made by the certificates that hold then
 * (SEC-10). Throws, naming the parameter and the path, where one cannot be used.
 */
export function readTlsFiles({ mode, sslrootcert, sslcert, sslkey }: TlsFiles): ConnectionOptions | false {
  if (mode === 'disable') return false;
  const own_authority = sslrootcert === 'system' ? undefined : sslrootcert;
  const read: ConnectionOptions = {
    ca: own_authority === undefined ? undefined : usable('sslrootcert', own_authority, (ca) => ({ ca })),
    cert: sslcert === undefined ? undefined : usable('sslcert', sslcert, (cert) => ({ cert })),
    key: sslkey === undefined ? undefined : usable('sslkey', sslkey, (key) => ({ key })),
  };
  if (sslcert !== undefined) fitTogether(read, sslcert);
  // `ca: undefined` would take the place of those that Node trusts.
  const given = Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined));
  if (mode === 'require') return { ...given, rejectUnauthorized: false };
  return mode === 'verify-ca' ? { ...given, checkServerIdentity: () => undefined } : given;
}

function usable(parameter: string, path: string, as: (pem: Buffer) => ConnectionOptions): Buffer {
  try {
    const pem = readFileSync(path);
    if (!pem.includes('-----BEGIN ')) throw new Error('is not PEM');
    createSecureContext(as(pem));
    return pem;
  } catch (error) {
    throw new Error(`${parameter}: ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

function fitTogether(read: ConnectionOptions, sslcert: string): void {
  try {
    createSecureContext({ cert: read.cert, key: read.key });
  } catch (error) {
    throw new Error(`sslcert: ${sslcert}: ${reasonOf(error)} (sslkey must be its key)`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code?.startsWith('E') && !code.startsWith('ERR_') ? code : message;
}
