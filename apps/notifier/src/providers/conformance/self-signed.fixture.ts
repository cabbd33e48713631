import { generateKeyPairSync, sign } from 'node:crypto';
import type { SecureVersion } from 'node:tls';
import { fixedSecret } from '@assay/security';
import { USUAL_SECURITY } from '../http/index.js';
import type { ConnectionSecurity } from '../http/index.js';

export interface Certificate {
  key: string;
  cert: string;
  /** Of the server that shows it. */
  maxVersion?: SecureVersion;
}

const DAY_MS = 86_400_000;

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
};
const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts);
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const ECDSA_WITH_SHA256 = sequence(hex('06082a8648ce3d040302'));
const COMMON_NAME = hex('0603550403');
const SUBJECT_ALT_NAME = hex('0603551d11');

function utcTime(unix_ms: number): Buffer {
  const digits = new Date(unix_ms).toISOString().replace(/\D/g, '');
  return der(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}

/** A certificate for 127.0.0.1 that nobody has reason to trust; node can read certificates, but not make them. */
export function selfSigned({ from_days = -1, to_days = 1 } = {}): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from('assay test')))));
  const now_ms = Date.now();
  const alternative = sequence(der(0x87, Buffer.from([127, 0, 0, 1])));
  const to_be_signed = sequence(
    der(0xa0, hex('020102')),
    hex('020101'),
    ECDSA_WITH_SHA256,
    name,
    sequence(utcTime(now_ms + from_days * DAY_MS), utcTime(now_ms + to_days * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(SUBJECT_ALT_NAME, der(0x04, alternative)))),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', to_be_signed, privateKey));
  const bytes = sequence(to_be_signed, ECDSA_WITH_SHA256, signature);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
}

/** Of a provider that is told to trust it. */
export function trusting(certificate: Certificate | undefined): ConnectionSecurity {
  return certificate ? { ...USUAL_SECURITY, ca: fixedSecret(certificate.cert) } : USUAL_SECURITY;
}
