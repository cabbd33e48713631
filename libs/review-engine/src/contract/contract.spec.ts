import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { aFinding, aResult } from '../engine/samples.js';
import { validateReview } from '../engine/validate-review.js';
import { prepareChangedFiles } from '../paths/index.js';
import { definePolicy } from '../policy.js';
import { compileContract } from './contract.js';
import { publishedSchema, REGISTERED_VERSIONS } from './registry.js';
import { REVIEW_RESULT_1_0 } from './review-result-1.0.js';
import { REVIEW_RESULT_1_1 } from './review-result-1.1.js';

describe('contract 1.0', () => {
  const validate = new Ajv2020({ strict: true }).compile(publishedSchema('1.0')!);

  it('CON-1.a is closed at the top, and asks for three fields', () => {
    expect(REVIEW_RESULT_1_0.required).toEqual(['schema_version', 'prompt_version', 'findings']);
    expect(Object.keys(REVIEW_RESULT_1_0.properties)).toEqual([
      'schema_version',
      'prompt_version',
      'findings',
      'summary',
      'meta',
    ]);
    expect(validate(aResult({ summary: '', meta: { free: [1] } }))).toBe(true);
    expect(validate(aResult({ other: 1 }))).toBe(false);
    for (const field of REVIEW_RESULT_1_0.required) {
      const { [field]: _, ...without } = aResult();
      expect([field, validate(without)]).toEqual([field, false]);
    }
    const versions = { schema_version: ['1', '1.0.0', 1], prompt_version: ['1', '1.0.0.0', 1] };
    const others = { findings: [{}, null], summary: [1, null], meta: ['x', []] };
    for (const [field, values] of Object.entries({ ...versions, ...others })) {
      for (const value of values)
        expect([field, value, validate(aResult({ [field]: value }))]).toEqual([field, value, false]);
    }
  });

  it('CON-2.a asks for seven fields of a finding, with closed vocabularies', () => {
    const { required, properties } = REVIEW_RESULT_1_0.$defs.finding;
    expect(required).toEqual(['id', 'severity', 'category', 'title', 'file', 'line', 'message']);
    expect(properties.severity.enum).toEqual(['critical', 'high', 'medium', 'low', 'info']);
    expect(properties.category.enum).toEqual([
      ...['correctness', 'security', 'performance', 'reliability', 'maintainability', 'style', 'test'],
    ]);
    for (const field of required) expect(validate(aResult({ findings: [aFinding({ [field]: '' })] }))).toBe(false);
    for (const line of [0, 1.5, '1']) expect(validate(aResult({ findings: [aFinding({ line })] }))).toBe(false);
    for (const field of required) {
      const { [field]: _, ...without } = aFinding();
      for (const finding of [without, aFinding({ [field]: null })]) {
        expect([field, validate(aResult({ findings: [finding] }))]).toEqual([field, false]);
      }
    }
  });

  it('CON-2.b takes four optional fields of a finding and nothing else', () => {
    const finding = aFinding({ end_line: 11, suggestion: 'x', confidence: 'low', rule_id: 'R' });
    expect(validate(aResult({ findings: [finding] }))).toBe(true);
    expect(Object.keys(finding)).toEqual(
      expect.arrayContaining(Object.keys(REVIEW_RESULT_1_0.$defs.finding.properties)),
    );
    for (const confidence of ['high', 'medium', 'low']) {
      expect(validate(aResult({ findings: [aFinding({ confidence })] }))).toBe(true);
    }
    for (const wrong of [
      { end_line: 0 },
      { end_line: '11' },
      { suggestion: 1 },
      { confidence: 'none' },
      { rule_id: 7 },
    ]) {
      expect([wrong, validate(aResult({ findings: [aFinding(wrong)] }))]).toEqual([wrong, false]);
    }
    expect(validate(aResult({ findings: [aFinding({ column: 1 })] }))).toBe(false);
  });

  it.each(['src\\a.c', './a.c', 'a/./b.c', 'a//b.c', 'a/../b.c', 'a/', '///a', '//d/a.c#12', '//d/a.c@3', ' a.c'])(
    'CON-5.c does not take %j for a canonical file',
    (file) => {
      expect(validate(aResult({ findings: [aFinding({ file })] }))).toBe(false);
    },
  );
});

describe('the registry', () => {
  it.each(REGISTERED_VERSIONS)('CON-1.c keeps contract $version as a file, as it is published', ({ version }) => {
    const file = new URL(`../../../../docs/schemas/review-result-${version}.json`, import.meta.url);
    const schema = JSON.parse(readFileSync(file, 'utf8')) as object;
    expect(schema).toEqual(publishedSchema(version));
    expect(new Ajv2020({ strict: true }).compile(schema)(aResult({ schema_version: version }))).toBe(true);
  });

  it('CON-3.b adds nothing but optional finding fields in 1.1', () => {
    const { column, end_column, cwe, fingerprint, ...rest } = REVIEW_RESULT_1_1.$defs.finding.properties;
    expect([column, end_column, cwe, fingerprint]).not.toContain(undefined);
    expect(rest).toEqual(REVIEW_RESULT_1_0.$defs.finding.properties);
    expect(REVIEW_RESULT_1_1.$defs.finding.required).toEqual(REVIEW_RESULT_1_0.$defs.finding.required);
    expect(REVIEW_RESULT_1_1.properties).toEqual(REVIEW_RESULT_1_0.properties);
  });

  it('CON-4.a takes one more version as a schema and an entry, without a change to the engine', () => {
    const schema = structuredClone(REVIEW_RESULT_1_1) as unknown as {
      $defs: { finding: { properties: Record<string, unknown> } };
    };
    schema.$defs.finding.properties['effort'] = { type: 'string', enum: ['small', 'large'] };
    const registry = [...REGISTERED_VERSIONS, { version: '1.3', schema, standing: { status: 'current' } as const }];
    const policy = definePolicy({ reading: 'strict' }, { registry });
    const files = prepareChangedFiles({ changed_files: ['src/a.c'] });
    const judge = (version: string, effort: string) =>
      validateReview(
        { document: aResult({ schema_version: version, findings: [aFinding({ effort })] }) },
        files,
        policy,
      );
    expect(judge('1.3', 'small').diagnostics).toEqual([]);
    expect(judge('1.3', 'huge').diagnostics[0]!.code).toBe('invalid_enum_value');
    expect(judge('1.2', 'small').diagnostics[0]!.code).toBe('unknown_field_ignored');
    expect(judge('1.2', 'small').versions.read_as).toBe('1.1');
    expect(judge('1.4', 'small').versions.read_as).toBe('1.3');
  });

  /** The least that the engine needs, and what differs from it. */
  const aSchema = (finding: object = {}, schema: object = {}) => ({
    properties: { schema_version: {}, prompt_version: {}, findings: {} },
    $defs: {
      position: { type: 'integer', minimum: 1 },
      finding: {
        required: ['id', 'file', 'line'],
        properties: {
          id: { type: 'string' },
          file: { type: 'string' },
          line: { $ref: '#/$defs/position' },
          ...finding,
        },
      },
    },
    ...schema,
  });

  it('CON-4.a compiles a schema that holds what the engine needs, and no more', () => {
    const { fields, top_level, required, known_fields } = compileContract('9.9', aSchema({ mood: { type: 'string' } }));
    expect(fields.map(({ name, required }) => [name, required])).toEqual([
      ['id', true],
      ['file', true],
      ['line', true],
      ['mood', false],
    ]);
    expect([...top_level]).toEqual(['schema_version', 'prompt_version', 'findings']);
    expect(required).toBe(0b111);
    expect(known_fields).toBe('only the fields of contract 9.9: id, file, line, mood');
  });

  const many = Object.fromEntries(Array.from({ length: 27 }, (_, index) => [`x${index}`, { type: 'string' }]));

  it.each<[string, object, string]>([
    ['a keyword', aSchema({ when: { type: 'string', format: 'date' } }), 'field when uses string, format'],
    ['a type', aSchema({ when: { type: 'number' } }), 'field when uses number'],
    ['no type', aSchema({ when: {} }), 'field when uses no type'],
    ['a definition that is not there', aSchema({ when: { $ref: '#/$defs/nowhere' } }), 'field when uses no type'],
    ['no schema', aSchema({ when: 7 }), 'field when uses no type'],
    ['a pattern that is none', aSchema({ when: { type: 'string', pattern: '(' } }), 'field when has a pattern'],
    ['more fields than fit', aSchema({ ...many, last: { type: 'string' } }), 'more than 30 finding fields'],
    ['an id that may be left out', aSchema({ id: undefined }), 'field id must be a required string'],
    ['an id that is a number', aSchema({ id: { type: 'integer' } }), 'field id must be a required string'],
    [
      'a file of given words',
      aSchema({ file: { type: 'string', enum: ['a'] } }),
      'field file must be a required string',
    ],
    ['a line that is text', aSchema({ line: { type: 'string' } }), 'field line must be a required integer'],
    ['an end_line that is text', aSchema({ end_line: { type: 'string' } }), 'field end_line must be an integer'],
    ['no top level', aSchema({}, { properties: undefined }), 'properties or $defs.finding.properties is missing'],
    ['no finding', aSchema({}, { $defs: {} }), 'properties or $defs.finding.properties is missing'],
    ['no definitions', aSchema({}, { $defs: undefined }), 'properties or $defs.finding.properties is missing'],
    [
      'a top level without findings',
      aSchema({}, { properties: { schema_version: {} } }),
      'the top level has no prompt_version, findings',
    ],
  ])('refuses a schema with %s', (_title, schema, fault) => {
    expect(() => compileContract('9.9', schema)).toThrow(`contract 9.9: ${fault}`);
  });

  it('takes 30 finding fields', () => {
    expect(compileContract('9.9', aSchema(many)).fields).toHaveLength(30);
  });

  it.each([
    [{ type: 'string' }, 'a string'],
    [{ type: 'string', enum: ['a', 'b'] }, 'one of a, b'],
    [{ type: 'string', pattern: '^X[0-9]$' }, 'a string like ^X[0-9]$'],
    [{ type: 'string', pattern: '^(?:\\S(?:[\\s\\S]*\\S)?)?$' }, 'a string'],
    [{ type: 'string', minLength: 2 }, 'a string of at least 2 characters'],
    [{ type: 'string', maxLength: 9 }, 'a string of at most 9 characters'],
    [{ type: 'string', minLength: 2, maxLength: 9 }, 'a string of 2 to 9 characters'],
    [{ type: 'integer' }, 'a whole number'],
    [{ type: 'integer', minimum: 3 }, 'a whole number, 3 or more'],
    [{ type: 'integer', maximum: 7 }, 'a whole number, 7 or less'],
    [{ type: 'integer', minimum: 3, maximum: 7 }, 'a whole number from 3 to 7'],
    [{ $ref: '#/$defs/position', maximum: 9007199254740991 }, 'a whole number, 1 or more'],
  ])('says of %j that it should be %s', (field, expected) => {
    expect(compileContract('9.9', aSchema({ x: field })).by_name.get('x')!.expected).toBe(expected);
  });

  it('says of a required text that it should not be empty', () => {
    expect(compileContract('9.9', aSchema()).by_name.get('id')!.expected).toBe('a string that is not empty');
  });
});
