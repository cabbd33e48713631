const PREFIX = 'whsec_';
const SHORTEST_KEY_BYTES = 24;
const LONGEST_KEY_BYTES = 64;

/** The bytes of a Standard Webhooks secret. Throws, without repeating it, where it is none. */
export function signingKey(secret: string): Buffer {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const key = Buffer.from(encoded, 'base64');
  const canonical = key.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  if (!canonical || key.length < SHORTEST_KEY_BYTES || key.length > LONGEST_KEY_BYTES) {
    throw new Error(
      `a webhook secret is whsec_ and the base64 of ${SHORTEST_KEY_BYTES} to ${LONGEST_KEY_BYTES} random bytes`,
    );
  }
  return key;
}
