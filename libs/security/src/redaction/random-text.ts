/**
 * Random-looking strings (SEC-4): runs of the base64 alphabets whose "words" are far too short to be words. What
 * people write splits at capitals, digits and separators into words of 4 letters and more; random text into bits of
 * 1.7. With the limits below 1.4 in 1,000 random keys of 256 bits pass (7 in 1,000 of 144 bits), and of the 17,000
 * long identifiers of TypeScript's compiler and the DOM's types 21 are taken (measured 2026-11-23). Shannon entropy
 * alone was tried first: at equal misses it took four times as many identifiers.
 *
 * Hex is a hash or an id and stays, alone and within a link: a secret in hex is caught by its name or not at all.
 */
const CANDIDATE = /(?<![A-Za-z0-9_+=/-])[A-Za-z0-9_+=/-]{24,}/g;
const HEX_OR_ID = /^[0-9a-f_-]+$|^[0-9A-F_-]+$/;
/** Ids within more, as a link holds them: `/v1/reviews/0199…/findings`, `/commit/a4f1…`. They make nothing random. */
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const HEX_PART = /(?<![A-Za-z0-9+])(?:[0-9a-f]{7,}|[0-9A-F]{7,})(?![A-Za-z0-9+])/g;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const SHORTEST = 24;
/** Subresource integrity, and a key's fingerprint as ssh tells it: hashes. */
const FILE_HASH = /^sha(?:1|256|384|512)-/;
const FINGERPRINT = 'SHA256:';
const WORD = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g;
/** Of names in one case (`assay-validator-7d4b9c6f5-x2x9k`) only a part as long as this may be random. */
const LONG_PART = 16;

const MAX_MEAN_WORD_OF_LETTERS = 3;
const MAX_MEAN_WORD_OF_MIXED = 2.9;
const MAX_MEAN_WORD_OF_ONE_CASE = 2.6;

export function redactRandom(text: string, shown: string): string {
  return text.replace(CANDIDATE, (candidate, at: number) => {
    if (text.startsWith(FINGERPRINT, at - FINGERPRINT.length)) return candidate;
    const rest = candidate.replace(UUID, '').replace(HEX_PART, '');
    return rest.length >= SHORTEST && looksRandom(rest) ? shown : candidate;
  });
}

export function looksRandom(text: string): boolean {
  if (HEX_OR_ID.test(text) || FILE_HASH.test(text) || ULID.test(text)) return false;
  if (/[a-z]/.test(text) && /[A-Z]/.test(text)) {
    const { mean, digits } = measure(text);
    return mean <= (digits >= 2 ? MAX_MEAN_WORD_OF_MIXED : MAX_MEAN_WORD_OF_LETTERS);
  }
  return text.split(/[_+=/-]+/).some((part) => {
    if (part.length < LONG_PART) return false;
    const { mean, digits } = measure(part);
    return digits >= 4 && mean <= MAX_MEAN_WORD_OF_ONE_CASE;
  });
}

function measure(text: string): { mean: number; digits: number } {
  const words = text.match(WORD) ?? [];
  const letters = words.reduce((sum, word) => sum + word.length, 0);
  return { mean: letters / Math.max(1, words.length), digits: text.replace(/\D/g, '').length };
}
