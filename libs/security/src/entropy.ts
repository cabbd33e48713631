/**
 * Random-looking strings (SEC-4): long runs of the base64 alphabets that switch between lower case, upper case and
 * digits far more often than words, identifiers, paths and hashes do. Hex alone is a hash or an id and stays: a
 * secret in hex is caught by its name or not at all.
 */
const CANDIDATE = /[A-Za-z0-9_+=-]{24,}/g;
const HEX_OR_ID = /^[0-9a-f_-]+$|^[0-9A-F_-]+$/;
/** Subresource integrity: the hash of a file. */
const FILE_HASH = /^sha(?:1|256|384|512)-/;

export function redactRandom(text: string, shown: string): string {
  return text.replace(CANDIDATE, (candidate) => (looksRandom(candidate) ? shown : candidate));
}

export function looksRandom(text: string): boolean {
  if (HEX_OR_ID.test(text) || FILE_HASH.test(text)) return false;
  let switches = 0;
  let previous = 0;
  const seen = [0, 0, 0, 0];
  for (let i = 0; i < text.length; i += 1) {
    const kind = kindOf(text.charCodeAt(i));
    seen[kind]! += 1;
    if (kind !== 3 && previous !== 3 && i > 0 && kind !== previous) switches += 1;
    previous = kind;
  }
  const [lower, upper, digits] = seen as [number, number, number, number];
  const rate = switches / (text.length - 1);
  if (digits >= 2 && lower > 0 && upper > 0) return rate >= 0.38 || entropyBits(text) >= 4.7;
  if (digits >= 4 && lower + upper >= 4) return rate >= 0.3;
  return lower > 0 && upper > 0 && entropyBits(text) >= 4.7;
}

function kindOf(code: number): 0 | 1 | 2 | 3 {
  if (code >= 97 && code <= 122) return 0;
  if (code >= 65 && code <= 90) return 1;
  if (code >= 48 && code <= 57) return 2;
  return 3;
}

/** Shannon's, in bits a character. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
