import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { REASON_CODES_VERSION, reasonCodesDocument } from './reason-codes.js';
import type { ReasonCodeEntry } from './reason-codes.js';

/** The catalogue as it was before the lenient reading: never to be edited. */
const frozen = JSON.parse(readFileSync(new URL('../fixtures/reason-codes-1.0.json', import.meta.url), 'utf8')) as {
  version: string;
  codes: Record<string, Pick<ReasonCodeEntry, 'kinds' | 'meaning' | 'since'>>;
};

describe('the catalogue of reason codes', () => {
  const { version, codes } = reasonCodesDocument();
  const now = Object.fromEntries(codes.map((entry) => [entry.code as string, entry]));

  it('VAL-15.f has a new minor version of the same major, because codes were added to it', () => {
    const [major, minor] = version.split('.').map(Number);
    const [frozen_major, frozen_minor] = frozen.version.split('.').map(Number);
    expect(version).toBe(REASON_CODES_VERSION);
    expect(major).toBe(frozen_major);
    expect(minor).toBeGreaterThan(frozen_minor!);
    expect(Object.keys(now).filter((code) => !Object.hasOwn(frozen.codes, code))).toContain('null_removed');
  });

  it.each(Object.entries(frozen.codes))(
    'VAL-15.f leaves %s what it meant in 1.0; a sentence may follow',
    (code, was) => {
      const is = now[code]!;
      expect(is.meaning.slice(0, was.meaning.length)).toBe(was.meaning);
      expect(is.kinds).toEqual(expect.arrayContaining([...was.kinds]));
      expect(is.since).toBe(was.since);
    },
  );
});
