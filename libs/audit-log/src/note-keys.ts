import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { decodeBase64 } from './base64.js';
import { FormatError } from './format-error.js';

/** The signature type of Ed25519 in C2SP's signed notes. */
const ED25519 = 0x01;
const KEY_BYTES = 32;
const ID_BYTES = 4;
/** What stands before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410, section 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const SIGNER_HEAD = 'PRIVATE+KEY+';

/** A public key by which notes are verified. */
export interface NoteVerifier {
  name: string;
  /** Four bytes by which a signature line names its key, beside the name. */
  id: Buffer;
  verify(text: Buffer, signature: Buffer): boolean;
}

/** A private key by which notes are signed. */
export interface NoteSigner {
  name: string;
  id: Buffer;
  sign(text: Buffer): Buffer;
}

/**
 * A public key as people hand it on: `<name>+<id in hex>+<base64 of 0x01 and the key>`.
 *
 * @throws FormatError `malformed_key`.
 */
export function readVerifierKey(text: string): NoteVerifier {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  const key = keyIn(encoded);
  if (name === undefined || key === null || !isKeyName(name)) {
    throw new FormatError('malformed_key', 'a public key is NAME+ID+KEY, of Ed25519');
  }
  const known = keyId(name, key);
  if (known.toString('hex') !== id) throw new FormatError('malformed_key', `the id ${id} is not that of the key`);
  const public_key = publicKey(key);
  return { name, id: known, verify: (text, signature) => verify(null, text, public_key, signature) };
}

/**
 * A private key in the form of Go's `note` package: `PRIVATE+KEY+<name>+<id in hex>+<base64 of 0x01 and the seed>`.
 * Its text is told in no error.
 *
 * @throws FormatError `malformed_key`.
 */
export function readSignerKey(text: string): NoteSigner {
  const [, name, id, encoded] = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  const seed = keyIn(encoded);
  if (name === undefined || seed === null || !isKeyName(name)) {
    throw new FormatError('malformed_key', 'a private key is PRIVATE+KEY+NAME+ID+KEY, of Ed25519');
  }
  const private_key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
  const known = keyId(name, rawPublicKey(private_key));
  if (known.toString('hex') !== id) throw new FormatError('malformed_key', 'the id of the private key is not its own');
  return { name, id: known, sign: (text) => sign(null, text, private_key) };
}

/**
 * A new pair of keys.
 *
 * @param name As the log is called: a URL without scheme, without spaces and `+`.
 * @throws FormatError `malformed_key` where the name is none.
 */
export function newNoteKeys(name: string): { signer_key: string; verifier_key: string } {
  if (!isKeyName(name)) throw new FormatError('malformed_key', 'a name of a key has neither white space nor +');
  const { privateKey } = generateKeyPairSync('ed25519');
  const key = rawPublicKey(privateKey);
  const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d!, 'base64url');
  const id = keyId(name, key).toString('hex');
  const encoded = (bytes: Buffer) => Buffer.concat([Buffer.of(ED25519), bytes]).toString('base64');
  return { signer_key: `${SIGNER_HEAD}${name}+${id}+${encoded(seed)}`, verifier_key: `${name}+${id}+${encoded(key)}` };
}

/** A key's name: not empty, without Unicode spaces and `+`. */
export function isKeyName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !/[\s\u0085+]|\p{Cc}/u.test(name);
}

/** The first four bytes of SHA-256 over the name, a line feed, the signature type and the public key. */
function keyId(name: string, key: Buffer): Buffer {
  const input = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ED25519), key]);
  return hash('sha256', input, 'buffer').subarray(0, ID_BYTES);
}

function keyIn(encoded: string | undefined): Buffer | null {
  const bytes = encoded === undefined ? null : decodeBase64(encoded);
  return bytes?.length === KEY_BYTES + 1 && bytes[0] === ED25519 ? bytes.subarray(1) : null;
}

function publicKey(key: Buffer): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') }, format: 'jwk' });
}

function rawPublicKey(private_key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(private_key).export({ format: 'jwk' }).x!, 'base64url');
}
