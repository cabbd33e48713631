import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readSubmission } from '@assay/submission';
import { jsonDigest, submissionDigest } from './body-digest.js';

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

describe('submissionDigest', () => {
  const a_body = {
    idempotency_key: 'k',
    changelist_id: '4711',
    review_version: 1,
    root: '//depot/project',
    changed_files: ['src/b.c', 'src/a.c'],
    recipients: [
      { channel: 'email', address: 'dana@example.com' },
      { channel: 'webhook', address: 'ci' },
    ],
    review_result: { schema_version: '1.0', findings: [] },
  };
  const digest = ({ header_key, ...over }: Record<string, unknown> & { header_key?: string } = {}) => {
    const given = { value: { ...a_body, ...over }, bytes: 1_000, header_key };
    return submissionDigest(readSubmission(given, { max_result_bytes: 1_000_000 })).toString('hex');
  };

  it.each<[string, Record<string, unknown>]>([
    ['its changelist as a number', { changelist_id: 4711 }],
    [
      'the defaults written out',
      { rerun: false, priority: 5, case_insensitive_paths: false, review_result_format: 'json' },
    ],
    ['the key in the header', { idempotency_key: undefined, header_key: 'k' }],
    ['the key quoted', { idempotency_key: '"k"', header_key: '"k"' }],
    ['recipients in another order', { recipients: a_body.recipients.toReversed() }],
    [
      'a recipient as it is written elsewhere',
      { recipients: [{ channel: 'email', address: ' dana@EXAMPLE.com' }, a_body.recipients[1]] },
    ],
    ['changed files in another order, one twice', { changed_files: ['src/a.c', './src//a.c', 'src\\b.c'] }],
    ['its root with a slash', { root: '//depot/project/' }],
    ['members of its review result in another order', { review_result: { findings: [], schema_version: '1.0' } }],
  ])('ING-3.f knows the same submission again with %s', (_title, over) => {
    expect(digest(over)).toBe(digest());
  });

  it.each<[string, Record<string, unknown>]>([
    ['version', { review_version: 2 }],
    ['priority', { priority: 6 }],
    ['rerun', { rerun: true }],
    ['root', { root: '//depot/other' }],
    ['workspace of the same name', { root: '\\\\depot\\project' }],
    ['spelling', { case_insensitive_paths: true }],
    ['changed file more', { changed_files: ['src/a.c', 'src/b.c', 'src/c.c'] }],
    ['recipient less', { recipients: [a_body.recipients[0]] }],
    ['finding', { review_result: { schema_version: '1.0', findings: [{}] } }],
    ['review result as text', { review_result: JSON.stringify(a_body.review_result) }],
  ])('ING-3.f tells apart what has another %s', (_title, over) => {
    expect(digest(over)).not.toBe(digest());
  });

  it('ING-3.f names changed files as they are judged, below a workspace too', () => {
    const under = (root: string, ...changed_files: string[]) => digest({ root, changed_files });
    expect(under('/ws', '/ws/src/a.c', 'src/a.c')).toBe(under('/ws', 'file:///ws/src/a.c'));
    expect(under('/ws', '/ws2/src/a.c')).not.toBe(under('/ws', '/ws/src/a.c'));
    const share = '\\\\depot\\project';
    expect(under(share, `${share}\\fix#42`)).not.toBe(under(share, `${share}\\fix#43`));
    expect(under(share, `${share}\\a.c`)).not.toBe(under(share, '//depot/project/a.c'));
  });

  it('ING-3.f knows renamed files as pairs of names, in any order and form', () => {
    const of = (...changed_files: unknown[]) => digest({ changed_files });
    const renamed = { path: 'src/b.c', previous_path: 'src/a.c' };
    const same = { path: './src/b.c', previous_path: '//depot/../x' };
    expect(of('c.c', renamed)).toBe(of({ ...renamed, path: 'src\\b.c' }, { path: 'c.c' }, './c.c', 'src/b.c'));
    expect(of({ path: 'c.c', previous_path: null })).toBe(of('c.c'));
    expect(of(same)).toBe(of({ ...same, path: 'src/b.c' }));
    for (const other of [['src/b.c'], ['src/a.c', 'src/b.c'], [{ path: 'src/a.c', previous_path: 'src/b.c' }]]) {
      expect(of(renamed)).not.toBe(of(...other));
    }
  });

  it('ING-3.f tells text from text by every character, white space too', () => {
    expect(digest({ review_result: '{"a":1}' })).not.toBe(digest({ review_result: '{"a": 1}' }));
  });
});
