import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bodyDigest, jsonDigest } from './body-digest.js';

const hex = (text: string) => jsonDigest(JSON.parse(text)).toString('hex');

/** The same value with its members in the opposite order, all the way down. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => [key, reversed(member)] as const);
  return Object.fromEntries(members.toReversed());
}

describe('jsonDigest', () => {
  it('ING-3.a gives one digest to one JSON value, whatever its white space and key order', () => {
    expect(hex('{"a":1,"b":[true,null,{"x":"y","z":1.50}]}')).toBe(
      hex(' {\n"b" : [ true,\tnull, {"z":1.5,"x":"\\u0079"} ], "a":1e0 } '),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(jsonDigest(reversed(value))).toEqual(jsonDigest(value));
        expect(hex(JSON.stringify(value, null, 3))).toBe(hex(JSON.stringify(value)));
      }),
    );
  });

  it('ING-3.b tells apart values that a careless canonical form would join', () => {
    const texts = ['1', '"1"', '[1]', '[[1]]', '[1,1]', '[11]', 'null', '"null"', '[]', '{}', '""', '[""]', '["",""]']
      .concat(['{"a":"b"}', '{"a":["b"]}', '{"ab":""}', '{"a":{"b":1}}', '{"a":{},"b":1}', '["a\\"b"]', '["a","b"]'])
      .concat([
        '["a,\\"1:b"]',
        '{"a":1,"b":2}',
        '{"a":2,"b":1}',
        '"\\ud800"',
        '"\\udfff"',
        '"\\ufffd"',
        '"\\u0000"',
        'false',
      ]);
    expect(new Set(texts.map(hex)).size).toBe(texts.length);
  });

  it('ING-3.a counts the last of duplicate names and treats __proto__ as any other name', () => {
    expect(hex('{"a":1,"a":2}')).toBe(hex('{"a":2}'));
    expect(hex('{"__proto__":{"a":1}}')).not.toBe(hex('{}'));
  });

  it('ING-3.a walks a million levels without overflowing the stack', () => {
    const depth = 1_000_000;
    expect(jsonDigest(JSON.parse('['.repeat(depth) + ']'.repeat(depth)))).toHaveLength(32);
    expect(jsonDigest(JSON.parse('{"a":'.repeat(depth) + '1' + '}'.repeat(depth)))).toHaveLength(32);
  });
});

describe('bodyDigest', () => {
  it('ING-3.a leaves the idempotency key out, which may stand in the header instead', () => {
    const body = { changelist_id: '1', review_version: 1 };
    expect(bodyDigest({ ...body, idempotency_key: 'k' })).toEqual(bodyDigest(body));
    expect(bodyDigest({ ...body, review_version: 2 })).not.toEqual(bodyDigest(body));
  });
});
