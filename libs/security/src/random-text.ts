/**
 * Random-looking strings (SEC-4): runs of the base64 alphabets whose "words" are far too short to be words. What
 * people write splits at capitals, digits and separators into words of 4 letters and more; random text into bits of
 * 1.7. With the limits below 1.4 in 1,000 random keys of 256 bits pass (7 in 1,000 of 144 bits), and of the 17,000
 * long identifiers of TypeScript's compiler and the DOM's types 21 are taken (measured 2026-11-23). Shannon entropy
 * alone was tried first: at equal misses it took four times as many identifiers.
 *
 * Hex is a hash or an id and stays: a secret in hex is caught by its name or not at all.
 */
const CANDIDATE = /[A-Za-z0-9_+=/-]{24,}/g;
const HEX_OR_ID = /^[0-9a-f_-]+$|^[0-9A-F_-]+$/;
/** An id within more, as a link holds it: `/v1/reviews/0199…/findings`. It alone makes nothing look random. */
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const SHORTEST = 24;
/** Subresource integrity: the hash of a file. */
const FILE_HASH = /^sha(?:1|256|384|512)-/;
const WORD = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g;

const MAX_MEAN_WORD_OF_LETTERS = 3;
const MAX_MEAN_WORD_OF_MIXED = 2.9;
const MAX_MEAN_WORD_OF_ONE_CASE = 2.6;

export function redactRandom(text: string, shown: string): string {
  return text.replace(CANDIDATE, (candidate) => {
    const rest = candidate.replace(UUID, '');
    return rest.length >= SHORTEST && looksRandom(rest) ? shown : candidate;
  });
}

export function looksRandom(text: string): boolean {
  if (HEX_OR_ID.test(text) || FILE_HASH.test(text)) return false;
  const words = text.match(WORD) ?? [];
  if (words.length === 0) return false;
  const mean = words.reduce((sum, word) => sum + word.length, 0) / words.length;
  const digits = text.replace(/\D/g, '').length;
  if (/[a-z]/.test(text) && /[A-Z]/.test(text)) {
    return mean <= (digits >= 2 ? MAX_MEAN_WORD_OF_MIXED : MAX_MEAN_WORD_OF_LETTERS);
  }
  return digits >= 4 && mean <= MAX_MEAN_WORD_OF_ONE_CASE;
}
