import { textOption } from '../inputs.js';
import type { Arguments } from '../inputs.js';

/** The filters of `GET /v1/dead-letters`, which those of a plan are too. */
export const FILTER_OPTIONS = {
  stage: { type: 'string' },
  class: { type: 'string' },
  state: { type: 'string' },
  source: { type: 'string' },
  fingerprint: { type: 'string' },
  'failed-after': { type: 'string' },
  'failed-before': { type: 'string' },
  text: { type: 'string' },
} as const;

/** By the API's names; those not given are left out. */
export function filtersOf(given: Arguments): Record<string, string> {
  const names = Object.keys(FILTER_OPTIONS);
  const pairs = names.map((name) => [name.replaceAll('-', '_'), textOption(given, name)] as const);
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}
