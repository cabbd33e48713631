/**
 * What an answer that is no 2xx can mean:
 * - `credential`: ours is refused;
 * - `forbidden`: this message is, and the credential may be why;
 * - `destination`: every message would meet it, and it does not mend itself;
 * - `busy`: every message would meet it, for a while;
 * - `in_progress`: an earlier attempt under this key is still being worked on, so this one was not taken;
 * - `conflict`: the receiver has this key already;
 * - `recipient`: there is no such recipient, or none that may be told;
 * - `too_large`: this form of the message is refused for its size;
 * - `refused`: this message is, for good;
 * - `unclear`: it does not say whether the request took effect.
 */
export const MEANINGS = [
  'credential',
  'forbidden',
  'destination',
  'busy',
  'in_progress',
  'conflict',
  'recipient',
  'too_large',
  'refused',
  'unclear',
] as const;
export type Meaning = (typeof MEANINGS)[number];
