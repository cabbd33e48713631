import { describe, expect, it } from '@jest/globals';
import { Problem } from '@assay/contracts';
import { compileAllowList, definePolicy } from '@assay/review-engine';
import fc from 'fast-check';
import { DRY_RUN_SCHEMA, dryRun, readSubmission, SUBMISSION_SCHEMA } from './index.js';

const LIMITS = { max_result_bytes: 2 * 1024 * 1024 };

const aBody = (over: Record<string, unknown> = {}): Record<string, unknown> => ({
  idempotency_key: 'key-1',
  changelist_id: '4711',
  review_version: 1,
  changed_files: ['//depot/project/a.ts'],
  recipients: [{ channel: 'webhook', address: 'ci' }],
  review_result: '{}',
  ...over,
});

function read(body: unknown, header_key?: string, limits = LIMITS) {
  return readSubmission({ value: body, bytes: Buffer.byteLength(JSON.stringify(body) ?? ''), header_key }, limits);
}

function problemOf(body: unknown, header_key?: string, limits = LIMITS): Problem {
  try {
    read(body, header_key, limits);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('the body was accepted');
}
const pointersOf = (body: unknown) => problemOf(body).options.errors?.map((error) => error.pointer);

const FINDING = {
  ...{ id: 'F1', severity: 'high', category: 'test', title: 'T', file: '//depot/project/a.ts' },
  ...{ line: 1, message: 'M' },
};
const ofBot = (n: number) => ({ channel: 'webhook', address: `bot-${n}` });

describe('readSubmission', () => {
  it('ING-1.a fills in the defaults of what may be left out', () => {
    expect(read(aBody())).toEqual({
      idempotency_key: 'key-1',
      changelist_id: '4711',
      review_version: 1,
      rerun: false,
      priority: 5,
      root: null,
      case_insensitive_paths: false,
      changed_files: ['//depot/project/a.ts'],
      recipients: [{ channel: 'webhook', address: 'ci' }],
      review_result_format: 'json',
      review_result: '{}',
    });
  });

  it('ING-1.a takes every field at its limits', () => {
    const body = aBody({
      idempotency_key: 'k'.repeat(255),
      changelist_id: 'Aa0._:/@#+-'.padEnd(128, 'x'),
      review_version: 2_147_483_647,
      rerun: true,
      priority: 9,
      changed_files: Array.from({ length: 20_000 }, (_, index) => `src/${index}`),
      root: '//depot/project',
      case_insensitive_paths: true,
      recipients: Array.from({ length: 100 }, (_, index) => ({ channel: 'email', address: `a${index}@example.com` })),
      review_result: { schema_version: '1.0' },
      review_result_format: 'json',
    });
    expect(read(body)).toMatchObject({ priority: 9, root: '//depot/project', review_result_format: 'json' });
  });

  it('ING-1.a takes every field at its lower limits, and paths as long as they may be', () => {
    const least = { changelist_id: 'x', review_version: 1, priority: 0, changed_files: ['a'], recipients: [ofBot(1)] };
    expect(read(aBody(least))).toMatchObject(least);
    const paths = Array.from({ length: 2_048 }, (_, index) => `${index}`.padEnd(1_024, 'x'));
    expect(read(aBody({ changed_files: paths })).changed_files).toHaveLength(2_048);
  });

  it('ING-1.a refuses what is one beyond each limit', () => {
    const paths = (many: number, bytes: number) =>
      Array.from({ length: many }, (_, index) => `${index}`.padEnd(bytes, 'x'));
    const beyond = {
      idempotency_key: ['k'.repeat(256)],
      changelist_id: ['', 'x'.repeat(129), 'a b', 1.5],
      review_version: [0, 2 ** 31],
      rerun: ['true'],
      priority: [-1, 10],
      case_insensitive_paths: [1],
      changed_files: [[], paths(20_001, 1), paths(1, 1_025), [...paths(2_048, 1_024), 'x']],
      recipients: [[], Array.from({ length: 101 }, (_, n) => ofBot(n))],
      review_result: [[], 7],
      review_result_format: ['xml'],
    };
    for (const [field, values] of Object.entries(beyond)) {
      for (const value of values) {
        const { code, options } = problemOf(aBody({ [field]: value }));
        expect([code, field, options.errors![0]!.pointer.split('/')[1]]).toEqual(['invalid_request', field, field]);
      }
    }
  });

  it('ING-1.b takes the key from the header, the body or both', () => {
    const { idempotency_key: _key, ...keyless } = aBody();
    expect(read(keyless, 'from-header').idempotency_key).toBe('from-header');
    expect(read(aBody(), 'key-1').idempotency_key).toBe('key-1');
    expect(problemOf(keyless).options.errors).toMatchObject([{ pointer: '/idempotency_key', code: 'required' }]);
  });

  it('ING-1.b refuses a key that differs between header and body', () => {
    expect(problemOf(aBody(), 'other').code).toBe('idempotency_key_mismatch');
  });

  it.each([
    ['"build-881"', 'build-881'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"', '"'],
    ['"open', '"open'],
    ['a"b"', 'a"b"'],
  ])('ING-3.g reads the key %s as %s, in the header as in the body', (written, key) => {
    const { idempotency_key: _key, ...keyless } = aBody();
    expect(read(keyless, written).idempotency_key).toBe(key);
    expect(read(aBody({ idempotency_key: written })).idempotency_key).toBe(key);
    expect(read(aBody({ idempotency_key: key }), written).idempotency_key).toBe(key);
  });

  it.each(['""', '"two words"', '"é"'])('ING-3.g refuses the quoted key %s', (written) => {
    const { idempotency_key: _key, ...keyless } = aBody();
    expect(problemOf(keyless, written).options.errors).toMatchObject([{ pointer: 'header:Idempotency-Key' }]);
  });

  it('VAL-13.d refuses SARIF, which is not read yet, and says what to do', () => {
    const { code, options } = problemOf(aBody({ review_result_format: 'sarif' }));
    expect([code, options.errors]).toMatchObject([
      'invalid_request',
      [{ pointer: '/review_result_format', code: 'unsupported_format', detail: expect.stringMatching(/SARIF.*leave/) }],
    ]);
  });

  it('VAL-13.d shows SARIF in no schema', () => {
    expect(JSON.stringify([SUBMISSION_SCHEMA, DRY_RUN_SCHEMA])).not.toMatch(/sarif/i);
  });

  it('ING-1.d keeps an integer changelist as a string', () => {
    expect(read(aBody({ changelist_id: 4711 })).changelist_id).toBe('4711');
    expect(read(aBody({ changelist_id: 0 })).changelist_id).toBe('0');
  });

  it('ING-1.e takes a changed file as a path, or as one with the path before', () => {
    const changed_files = ['a.c', { path: 'b.c', previous_path: 'old/b.c' }, { path: 'c.c', previous_path: null }];
    expect(read(aBody({ changed_files })).changed_files).toEqual(changed_files);
  });

  it('VAL-6.h refuses a changed file whose git quoting is broken', () => {
    const problem = problemOf(aBody({ changed_files: ['a', ' "docs/\\303\\251.md"', ' "docs/\\303.md"'] }));
    expect(problem.options.errors).toMatchObject([{ pointer: '/changed_files/2', code: 'invalid_value' }]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['/idempotency_key', { idempotency_key: '' }],
    ['/idempotency_key', { idempotency_key: 'two words' }],
    ['/idempotency_key', { idempotency_key: 'k'.repeat(256) }],
    ['/idempotency_key', { idempotency_key: 7 }],
    ['/changelist_id', { changelist_id: undefined }],
    ['/changelist_id', { changelist_id: '' }],
    ['/changelist_id', { changelist_id: 'a b' }],
    ['/changelist_id', { changelist_id: 'a\u0000' }],
    ['/changelist_id', { changelist_id: 1.5 }],
    ['/changelist_id', { changelist_id: 2 ** 53 }],
    ['/changelist_id', { changelist_id: 'x'.repeat(129) }],
    ['/review_version', { review_version: 0 }],
    ['/review_version', { review_version: '1' }],
    ['/review_version', { review_version: 1.5 }],
    ['/review_version', { review_version: 2_147_483_648 }],
    ['/rerun', { rerun: 'yes' }],
    ['/rerun', { rerun: null }],
    ['/priority', { priority: 10 }],
    ['/priority', { priority: -1 }],
    ['/root', { root: '' }],
    ['/root', { root: 7 }],
    ['/root', { root: 'a\u0000b' }],
    ['/root', { root: 'x'.repeat(1_025) }],
    ['/root', { root: 'services/api' }],
    ['/root', { root: '//depot/../x' }],
    ['/root', { root: '//d/\udfff' }],
    ['/case_insensitive_paths', { case_insensitive_paths: null }],
    ['/changed_files', { changed_files: undefined }],
    ['/changed_files', { changed_files: [] }],
    ['/changed_files', { changed_files: 'a' }],
    ['/changed_files', { changed_files: Array.from({ length: 20_001 }, () => 'a') }],
    ['/changed_files', { changed_files: Array.from({ length: 2_049 }, () => 'x'.repeat(1_024)) }],
    ['/changed_files/1', { changed_files: ['a', 7] }],
    ['/changed_files/0', { changed_files: [' '] }],
    ['/changed_files/0', { changed_files: ['a\u0000'] }],
    ['/changed_files/0', { changed_files: ['\ud800'] }],
    ['/changed_files/0', { changed_files: ['é'.repeat(513)] }],
    ['/changed_files/1', { changed_files: ['a', ['b', 'c']] }],
    ['/changed_files/1', { changed_files: ['a', null] }],
    ['/changed_files/0/path', { changed_files: [{ previous_path: 'a' }] }],
    ['/changed_files/0/path', { changed_files: [{ path: null }] }],
    ['/changed_files/0/path', { changed_files: [{ path: ' ', previous_path: 'a' }] }],
    ['/changed_files/0/previous_path', { changed_files: [{ path: 'a', previous_path: 7 }] }],
    ['/changed_files/0/previous_path', { changed_files: [{ path: 'a', previous_path: 'b\u0000' }] }],
    ['/changed_files/0/previous_path', { changed_files: [{ path: 'a', previous_path: '"b\\x"' }] }],
    ['/changed_files/0/status', { changed_files: [{ path: 'a', status: 'R100' }] }],
    [
      '/changed_files',
      {
        changed_files: Array.from({ length: 1_025 }, () => ({
          path: 'x'.repeat(1_024),
          previous_path: 'y'.repeat(1_024),
        })),
      },
    ],
    ['/recipients', { recipients: undefined }],
    ['/recipients', { recipients: [] }],
    ['/recipients', { recipients: 'a@example.com' }],
    ['/recipients', { recipients: { channel: 'webhook', address: 'ci' } }],
    ['/recipients', { recipients: {} }],
    ['/recipients', { recipients: Array.from({ length: 101 }, () => ({ channel: 'webhook', address: 'ci' })) }],
    ['/recipients/0/channel', { recipients: [{ channel: 'pigeon', address: 'ci' }] }],
    ['/recipients/0/address', { recipients: [{ channel: 'email', address: 'nobody' }] }],
    ['/recipients/0/address', { recipients: [{ channel: 'email', address: 'a\u0000@example.com' }] }],
    ['/recipients/0/address', { recipients: [{ channel: 'email', address: '\udc00@example.com' }] }],
    ['/recipients/0/url', { recipients: [{ channel: 'webhook', address: 'ci', url: 'https://example.com' }] }],
    ['/review_result', { review_result: undefined }],
    ['/review_result', { review_result: null }],
    ['/review_result', { review_result: [] }],
    ['/review_result', { review_result: 1 }],
    ['/review_result_format', { review_result_format: 'xml' }],
    ['/review_result_format', { review_result_format: null }],
    ['/source', { source: 'someone-else' }],
    ['/constructor', { constructor: 1 }],
    ['/a~1b~0c', { 'a/b~c': 1 }],
  ])('ING-10.a points at %s in %j', (pointer, over) => {
    const problem = problemOf(aBody(over));
    expect(problem.code).toBe('invalid_request');
    expect(problem.status).toBe(400);
    expect(problem.options.errors?.map((error) => error.pointer)).toEqual([pointer]);
  });

  it('ING-10.a points at __proto__ as an unknown field', () => {
    const body: unknown = JSON.parse(`{"__proto__":{"rerun":true},${JSON.stringify(aBody()).slice(1)}`);
    expect(pointersOf(body)).toEqual(['/__proto__']);
  });

  it('ING-10.a names every bad field at once, up to a hundred, and says how many there are', () => {
    expect(pointersOf(aBody({ review_version: 0, priority: 11, extra: 1 }))?.toSorted()).toEqual([
      '/extra',
      '/priority',
      '/review_version',
    ]);
    const many = problemOf(aBody({ changed_files: Array.from({ length: 300 }, () => 1) }));
    expect(many.options.errors).toHaveLength(100);
    expect(many.options.extensions).toEqual({ errors_in_all: 300 });
  });

  it('ING-10.a shows no value of a bad field', () => {
    const problem = problemOf(aBody({ root: 7, idempotency_key: 'hunter2 hunter2', priority: 'hunter2' }));
    expect(JSON.stringify(problem.options)).not.toContain('hunter2');
  });

  it.each([null, [], 'text', 1])('ING-10.a refuses the body %j, which is not an object', (body) => {
    expect(pointersOf(body)).toEqual(['']);
  });

  it.each([[[null]], [[[]]], [['ci']], [[7]]])('ING-10.a refuses the recipients %j', (recipients) => {
    expect(pointersOf(aBody({ recipients }))).toEqual(['/recipients/0/channel', '/recipients/0/address']);
  });

  it('ING-1.c refuses recipients that are the same once canonical', () => {
    const recipients = [
      { channel: 'email', address: 'Jane@Example.com' },
      { channel: 'email', address: ' Jane@example.COM' },
      { channel: 'email', address: 'jane@example.com' },
    ];
    expect(problemOf(aBody({ recipients })).options.errors).toMatchObject([
      { pointer: '/recipients/1', code: 'duplicate' },
    ]);
  });

  it('ING-10.a answers any JSON with a submission or with a problem, and what it takes is storable', () => {
    const character = fc.integer({ min: 0, max: 0x10_ff_ff }).map((point) => String.fromCodePoint(point));
    const anything = fc.oneof(fc.jsonValue(), fc.string({ unit: character }), fc.constant(undefined));
    const fields = Object.keys({ ...aBody(), root: 0, rerun: 0, priority: 0, case_insensitive_paths: 0, extra: 0 });
    const some = fc.dictionary(fc.constantFrom(...fields), anything, { maxKeys: 3 });
    const recipients = fc.array(
      fc.record({ channel: fc.constantFrom('email', 'webhook'), address: fc.oneof(fc.emailAddress(), fc.string()) }),
    );
    fc.assert(
      fc.property(some, recipients, (over, list) => {
        const body = { ...aBody({ recipients: list }), ...over };
        try {
          const { changed_files: _files, review_result: _result, ...stored } = read(body);
          expect(JSON.stringify(stored)).not.toMatch(/\\u0000|\\ud[89a-f]/);
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          expect(error.options.errors!.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('ING-10.c leaves U+0000 and lone surrogates inside the review result to the engine', () => {
    expect(read(aBody({ review_result: 'a\u0000\ud800' })).priority).toBe(5);
    expect(read(aBody({ review_result: { a: '\u0000\udfff' } })).priority).toBe(5);
  });

  it('VAL-10.e answers 413 to a review result over its limit, as text or as an object', () => {
    const limits = { max_result_bytes: 1_000 };
    const text = 'é'.repeat(500);
    expect(read(aBody({ review_result: text }), undefined, limits).priority).toBe(5);
    expect(problemOf(aBody({ review_result: `${text}x` }), undefined, limits).code).toBe('payload_too_large');
    const object = { schema_version: '1.0', findings: ['x'.repeat(1_000 - 42), 1] };
    expect(JSON.stringify(object)).toHaveLength(1_000);
    expect(read(aBody({ review_result: object }), undefined, limits).priority).toBe(5);
    expect(problemOf(aBody({ review_result: { ...object, a: 1 } }), undefined, limits).code).toBe('payload_too_large');
  });

  it('VAL-10.e measures a review result of any depth without overflowing the stack', () => {
    const depth = 1_000_000;
    const deep: unknown = JSON.parse('{"a":'.repeat(depth) + '1' + '}'.repeat(depth));
    const given = { value: aBody({ review_result: deep }), bytes: 7_000_000 };
    expect(() => readSubmission(given, LIMITS)).toThrow(Problem);
  });
});

describe('a dry run', () => {
  const policy = definePolicy();
  const judge = (value: unknown, header_key?: string) =>
    dryRun(
      { value, bytes: Buffer.byteLength(JSON.stringify(value)), header_key },
      { policy, allow_list: compileAllowList(['//depot/project/...']) },
    );
  const refusalOf = (value: unknown, header_key?: string) => {
    try {
      judge(value, header_key);
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
    throw new Error('it was accepted');
  };

  it('VAL-13.c may leave recipients and key out, and nothing else', () => {
    const { idempotency_key: _key, recipients: _recipients, ...least } = aBody();
    expect(judge(least)).toMatchObject({
      outcome: 'rejected',
      allow_list_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    for (const name of Object.keys(least)) {
      expect(refusalOf({ ...least, [name]: undefined }).options.errors).toMatchObject([
        { pointer: `/${name}`, code: 'required' },
      ]);
    }
  });

  it.each<[Record<string, unknown>, string]>([
    [{ recipients: [] }, '/recipients'],
    [{ recipients: null }, '/recipients'],
    [{ recipients: [{ channel: 'email', address: 'nobody' }] }, '/recipients/0/address'],
    [{ idempotency_key: 'two words' }, '/idempotency_key'],
  ])('VAL-13.c refuses what it need not be given and is given wrong: %j', (over, pointer) => {
    expect(refusalOf(aBody(over)).options.errors).toMatchObject([{ pointer }]);
    expect(problemOf(aBody(over)).options).toEqual(refusalOf(aBody(over)).options);
  });

  it('VAL-13.c refuses a denied path, a key that differs and a review result over its limit, as ingest does', () => {
    expect(refusalOf(aBody({ changed_files: ['//depot/other/a.ts'] }))).toMatchObject({
      code: 'depot_path_not_allowed',
      options: { extensions: { denied: 1, denied_paths: ['//depot/other/a.ts'] } },
    });
    expect(refusalOf(aBody(), 'other').code).toBe('idempotency_key_mismatch');
    expect(refusalOf(aBody({ review_result: 'x'.repeat(2 * 1024 * 1024 + 1) })).code).toBe('payload_too_large');
  });

  it('VAL-13.c says so where no allow-list was asked', () => {
    const value = aBody({ changed_files: ['//depot/other/a.ts'] });
    expect(dryRun({ value, bytes: 1 }, { policy, allow_list: null }).allow_list_hash).toBeNull();
  });

  it('reads as its policy says, which stands in place of the whole one that the door has', () => {
    const door = definePolicy({ reading: 'strict', truncated: 'keep_complete' });
    const asked = (over: Record<string, unknown>) =>
      dryRun({ value: aBody(over), bytes: 1 }, { policy: door, allow_list: null, source: 'acme' });
    const result = JSON.stringify({ schema_version: '1.0', prompt_version: '1.0.0', findings: [FINDING] });
    const said = (over: Record<string, unknown>) => {
      const { reading, outcome, truncated } = asked({ review_result: `${result.slice(0, -2)},{`, ...over });
      return [reading, outcome, truncated];
    };
    expect(said({})).toEqual(['strict', 'rejected', false]);
    expect(said({ policy: {} })).toEqual(['lenient', 'rejected', false]);
    const sources = { acme: { truncated: 'keep_complete' }, other: { reading: 'strict' } };
    expect(said({ policy: { sources } })).toEqual(['lenient', 'accepted', true]);
  });

  it('points at what is wrong with its policy, beside the other bad fields', () => {
    const policy = { reading: 'Lenient', limits: {}, aliases: { severity: { p0: 'urgent' } } };
    expect(refusalOf(aBody({ policy, root: 7 })).options.errors).toMatchObject([
      { pointer: '/root' },
      { pointer: '/policy/limits', code: 'invalid_value', detail: 'is not a setting of the reading' },
      { pointer: '/policy/reading', code: 'invalid_value', detail: 'must be lenient or strict' },
      {
        pointer: '/policy/aliases/severity/p0',
        code: 'invalid_value',
        detail: expect.stringMatching(/one of critical/),
      },
    ]);
    for (const none of [null, [], 'strict']) {
      expect(refusalOf(aBody({ policy: none })).options.errors).toMatchObject([{ pointer: '/policy' }]);
    }
  });

  it('alone takes a policy: whoever submits does not choose how it is read', () => {
    expect(problemOf(aBody({ policy: {} })).options.errors).toMatchObject([
      { pointer: '/policy', code: 'unknown_field' },
    ]);
    expect([Object.keys(SUBMISSION_SCHEMA.properties), Object.keys(DRY_RUN_SCHEMA.properties)]).toEqual([
      expect.not.arrayContaining(['policy']),
      expect.arrayContaining(['policy']),
    ]);
  });
});
