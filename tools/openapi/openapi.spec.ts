import { describe, expect, it } from '@jest/globals';
import { IsInt, IsOptional, Matches, Max, Min, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import { join } from 'node:path';
import ts from 'typescript';
import { REPOSITORY } from '../repository.js';
import { classNamed, methodNamed } from './program.js';
import { Refusals } from './refusals.js';
import { sample } from './samples.js';
import { shapeSchema } from './shape-schemas.js';
import { TypeSchemas } from './type-schemas.js';

const { config } = ts.readConfigFile(join(REPOSITORY, 'tsconfig.json'), (name) => ts.sys.readFile(name)) as {
  config: object;
};
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, REPOSITORY);
const program = ts.createProgram([join(REPOSITORY, 'tools', 'openapi', 'example.fixture.ts')], {
  ...options,
  noEmit: true,
});
const checker = program.getTypeChecker();
const method = (name: string) => methodNamed(classNamed(program, 'Example'), name);
const returned = (name: string) => checker.getReturnTypeOfSignature(checker.getSignatureFromDeclaration(method(name))!);

describe('schemas of types', () => {
  const types = new TypeSchemas(checker);
  const list = types.schemaOf(returned('list'));

  it('describes what a handler returns, written or inferred', () => {
    expect(types.schemaOf(returned('get'))).toMatchObject({
      type: 'object',
      properties: { maker: { type: 'string' }, note: { const: 'made here' } },
    });
    expect(list).toMatchObject({
      type: 'array',
      items: { allOf: [{ $ref: '#/components/schemas/Thing' }, { required: ['rank'] }] },
    });
  });

  it('describes a named type once, with its doc comments and itself within', () => {
    expect(types.components['Thing']).toEqual({
      type: 'object',
      description: 'A thing.',
      required: ['maker', 'made_at', 'colour', 'parts', 'by_colour', 'raw', 'labels'],
      properties: {
        maker: { type: 'string', description: 'Who made it.' },
        made_at: { type: ['string', 'null'], format: 'date-time' },
        colour: { anyOf: [{ type: 'string', enum: ['green', 'red'] }, { type: 'null' }] },
        count: { type: 'integer' },
        parts: { type: 'array', items: { $ref: '#/components/schemas/Thing' } },
        by_colour: { type: 'object', properties: { green: { type: 'integer' }, red: { type: 'integer' } } },
        raw: { anyOf: [{ type: 'boolean' }, { type: 'number' }, { type: 'string' }, { type: 'null' }] },
        labels: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
      },
    });
  });

  it('makes up a value that fits', () => {
    const { Thing } = types.components;
    const flat = { ...Thing, properties: { ...(Thing!['properties'] as object), parts: { type: 'array', items: {} } } };
    expect(sample(flat, types.components)).toMatchObject({
      maker: '<maker>',
      made_at: null,
      by_colour: {},
      labels: {},
    });
  });
});

describe('refusals of a handler', () => {
  const refusals = new Refusals(program);

  it('finds the problems of all that it calls, with their headers and members', () => {
    const found = refusals.of([method('get')]);
    expect(found.map(({ code, headers }) => [code, headers])).toEqual([
      ['not_found', []],
      ['rerun_required', ['location']],
      ['stale_review_version', ['location']],
    ]);
    expect(found[1]!.extensions!.getProperties().map((member) => member.getName())).toEqual(['job_id']);
  });

  it('follows a function that is handed on', () => {
    expect(refusals.of([method('list')]).map(({ code }) => code)).toContain('invalid_request');
  });
});

describe('schemas of request shapes', () => {
  class Part {
    @Matches(/^[a-z]+$/) name: string;
  }
  class Shape {
    @IsOptional() @IsInt() @Min(1) @Max(9) size?: number;
    @ValidateNested({ each: true }) @Type(() => Part) parts: Part[];
  }

  it('says what class-validator would judge, nested shapes included, and refuses unknown members', () => {
    expect(shapeSchema(Shape)).toEqual({
      type: 'object',
      required: ['parts'],
      additionalProperties: false,
      properties: {
        size: { type: 'integer', minimum: 1, maximum: 9 },
        parts: {
          type: 'array',
          items: {
            type: 'object',
            required: ['name'],
            additionalProperties: false,
            properties: { name: { type: 'string', pattern: '^[a-z]+$' } },
          },
        },
      },
    });
  });

  it('lets a declaration stand for a member of the shape', () => {
    const also = { required: ['note'], properties: { parts: { type: 'array' }, note: { type: 'string' } } };
    expect(shapeSchema(Shape, also)).toMatchObject({
      required: ['parts', 'note'],
      properties: { parts: { type: 'array' }, note: { type: 'string' } },
    });
  });
});
