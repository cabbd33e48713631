import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { SecureVersion } from 'node:tls';

export interface Certificate {
  key: string;
  cert: string;
  /** Of the server that shows it. */
  maxVersion?: SecureVersion;
}

/** What a server shows, and whom it asks for a certificate of theirs. */
export interface ServerCertificate extends Certificate {
  ca?: string;
  requestCert?: boolean;
  rejectUnauthorized?: boolean;
}

const DAY_MS = 86_400_000;

/** The shortest form of a length: OpenSSL takes others, too, but Java encodes a certificate anew before it verifies it. */
const lengthOf = (length: number): number[] => {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
};
const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
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

const BASIC_CONSTRAINTS = hex('0603551d13');
const TRUE = der(0x01, Buffer.from([0xff]));
const nameOf = (common_name: string): Buffer =>
  sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(common_name)))));
const FOR_LOOPBACK = sequence(
  SUBJECT_ALT_NAME,
  der(0x04, sequence(der(0x87, Buffer.from([127, 0, 0, 1])), der(0x82, Buffer.from('localhost')))),
);
const FOR_AUTHORITY = sequence(BASIC_CONSTRAINTS, TRUE, der(0x04, sequence(TRUE)));

interface Issuer {
  name: Buffer;
  key: KeyObject;
}
let serial = 0;

/** Node can read certificates, but not make them. Without an issuer it signs itself. */
function issued(subject: Buffer, extension: Buffer, issuer: Issuer | null, { from_days = -1, to_days = 1 } = {}) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const by = issuer ?? { name: subject, key: privateKey };
  // eslint-disable-next-line no-restricted-syntax -- a certificate's validity is a time of the outside world (GEN-4)
  const now_ms = Date.now();
  serial = (serial + 1) % 127;
  const to_be_signed = sequence(
    der(0xa0, hex('020102')),
    der(0x02, Buffer.from([serial])),
    ECDSA_WITH_SHA256,
    by.name,
    sequence(utcTime(now_ms + from_days * DAY_MS), utcTime(now_ms + to_days * DAY_MS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', to_be_signed, by.key));
  const bytes = sequence(to_be_signed, ECDSA_WITH_SHA256, signature);
  const certificate: Certificate = {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`,
  };
  return { certificate, key: privateKey };
}

/** A certificate for 127.0.0.1 that nobody has reason to trust. */
export function selfSigned(days: { from_days?: number; to_days?: number } = {}): Certificate {
  return issued(nameOf('assay test'), FOR_LOOPBACK, null, days).certificate;
}

/** An authority of one's own, as companies have them. */
export function privateAuthority(common_name = 'assay test authority', to_days = 1) {
  const name = nameOf(common_name);
  const { certificate, key } = issued(name, FOR_AUTHORITY, null, { to_days });
  return {
    ca: certificate.cert,
    /** For 127.0.0.1 and localhost, or for a client of this name. */
    issue: (subject = 'assay test'): Certificate =>
      issued(nameOf(subject), FOR_LOOPBACK, { name, key }, { to_days }).certificate,
  };
}
