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
    expect(validate(aResult({ prompt_version: '1' }))).toBe(false);
  });

  it('CON-2.a asks for seven fields of a finding, with closed vocabularies', () => {
    const { required, properties } = REVIEW_RESULT_1_0.$defs.finding;
    expect(required).toEqual(['id', 'severity', 'category', 'title', 'file', 'line', 'message']);
    expect(properties.severity.enum).toEqual(['critical', 'high', 'medium', 'low', 'info']);
    expect(properties.category.enum).toHaveLength(7);
    for (const field of required) expect(validate(aResult({ findings: [aFinding({ [field]: '' })] }))).toBe(false);
    for (const line of [0, 1.5, '1']) expect(validate(aResult({ findings: [aFinding({ line })] }))).toBe(false);
  });

  it('CON-2.b takes four optional fields of a finding and nothing else', () => {
    const finding = aFinding({ end_line: 11, suggestion: 'x', confidence: 'low', rule_id: 'R' });
    expect(validate(aResult({ findings: [finding] }))).toBe(true);
    expect(validate(aResult({ findings: [aFinding({ column: 1 })] }))).toBe(false);
  });

  it.each(['src\\a.c', './a.c', 'a/./b.c', 'a//b.c', 'a/../b.c', 'a/', '///a', 'a.c#12', 'a.c@3', ' a.c'])(
    'CON-5.c does not take %j for a canonical file',
    (file) => {
      expect(validate(aResult({ findings: [aFinding({ file })] }))).toBe(false);
    },
  );
});

describe('the registry', () => {
  it('CON-3.b CON-3.a adds nothing but optional finding fields in 1.1', () => {
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
    const policy = definePolicy({}, { registry });
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

  it('CON-4.a refuses a schema that asks for what the engine cannot judge', () => {
    const schema = { properties: {}, $defs: { finding: { properties: { when: { type: 'string', format: 'date' } } } } };
    expect(() => compileContract('9.9', schema)).toThrow('field when uses string, format');
  });
});
