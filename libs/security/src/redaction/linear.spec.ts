import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { redact } from '../redact.js';

const { ASSAY_PROPERTY_SEED } = process.env;
const KIB = 1024;

/** What rules begin, go on and end with, and what stops them: repeated, these are the worst texts for each. */
const PIECES = (
  'token= password pass: pw= " \' ` \\ \\\\ \\n : :// a://b: @ @a.b. @tcp( %40 a aB3 0f 1 = == => := ( [ < > </ <password ' +
  '<password> - -- mysql -p Authorization: Bearer Basic Digest cookie: cookie:a= auth: auth=" eyJ . $ $6$ $argon2id$ Q~ ' +
  '1Q~ :AA sk- wh hooks.slack.com/services/ -----BEGIN/A----- -----END/A----- / // ? # &sig= jdbc:oracle:thin:u/ ' +
  'value value: , { } | _ é * ${ $( \\"password\\":\\" b" """ SHA256: secret:str= api_key session_id {8}'
)
  .split(' ')
  .concat(' ', '  ', '\t', '\n', '| \n ', '--password ', '-u a:', 'mysql ', 'redis-cli ', 'login a password ')
  .concat(
    "identified by '",
    'expected token: ',
    'Authorization: ',
    'Basic ',
    'cookie: a=',
    'x'.repeat(70),
    '0'.repeat(9),
  );

/** Microseconds of the processor's time: neighbours on a busy machine count little. */
function cost(text: string): number {
  const before = process.cpuUsage();
  redact(text);
  return process.cpuUsage(before).user;
}

/** Below this, what is measured is the clock; a third of a microsecond a character is the worst there is. */
const leastOf = (length: number): number => Math.max(500, length / 3);

/**
 * A quadratic step shows as 64 times the time for eight times the text, and each time; a collection of garbage makes
 * one run slow.
 */
function expectLinear(textOf: (length: number) => string, lengths: readonly number[]): void {
  for (const [index, length] of lengths.slice(1).entries()) {
    const before = lengths[index]!;
    const short = textOf(before);
    const limit = 3 * (length / before) * Math.max(leastOf(before), Math.min(cost(short), cost(short), cost(short)));
    const text = textOf(length);
    const is_linear = Array.from({ length: 5 }).some(() => cost(text) < limit);
    expect({ length, is_linear }).toEqual({ length, is_linear: true });
  }
}

const repeated = (head: string, unit: string, tail: string) => (length: number) =>
  head + unit.repeat(Math.ceil(length / unit.length)).slice(0, length) + tail;

describe('redact', () => {
  it.each([
    ['a word after a name, before a bracket', repeated('token=', 'a', '(')],
    ['a word without an end', repeated('', 'a', '')],
    ['names', repeated('', 'password', '')],
    ['names with signs', repeated('', 'password:', ' ')],
    ['colons', repeated('', 'x:', '')],
    ['URIs without an end', repeated('', 'a://b:', ' ')],
    ['marks of blocks', repeated('', '-----BEGIN A-----', '')],
    ['ends of blocks', repeated('', '-----END A-----', '')],
    ['escapes', repeated('"password":"', '\\', '"')],
    ['dotted words before an at', repeated('', 'a.', '@')],
    ['pairs that are none', repeated('', '://auth:', '')],
    ['addresses of Oracle without an end', repeated('', 'jdbc:oracle:thin:u/', ' ')],
    ['places of a driver', repeated('', '@tcp(', '')],
    ['prose behind short names', repeated('x ', 'pass:', '')],
  ])('SEC-4.j takes time linear in the text: %s', (_what, textOf) => {
    expectLinear(textOf, [KIB, 8 * KIB, 64 * KIB, 1024 * KIB]);
  });

  it('SEC-4.j takes time linear in whatever is made of what the rules look for', () => {
    const piece = fc.constantFrom(...PIECES);
    const unit = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.option(piece), unit, fc.option(piece), (head, middle, tail) => {
        expectLinear(repeated(head ?? '', middle, tail ?? ''), [KIB, 8 * KIB, 64 * KIB]);
      }),
      { numRuns: 150, ...(ASSAY_PROPERTY_SEED === undefined ? {} : { seed: Number(ASSAY_PROPERTY_SEED) }) },
    );
  });
});
