import 'reflect-metadata';
import { getMetadataStorage } from 'class-validator';
import { targetConstructorToSchema, validationMetadatasToSchemas } from 'class-validator-jsonschema';
import { createRequire } from 'node:module';
import type { Schema } from './type-schemas.js';

type Class = abstract new (...args: never[]) => object;

export type ShapeSchema = Schema & { properties: Record<string, Schema>; required?: string[] };

/** Where `@Type` keeps which class a nested member is: no part of class-transformer's public face. */
const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js') as {
  defaultMetadataStorage: never;
};

const NESTED = '#/nested/';
const OPTIONS = {
  classTransformerMetadataStorage: defaultMetadataStorage,
  classValidatorMetadataStorage: getMetadataStorage(),
  refPointerPrefix: NESTED,
  additionalConverters: { isRFC3339: { type: 'string' as const, format: 'date-time' } },
};

/**
 * JSON Schema of a class-validator class: what `ShapePipe` takes, unknown fields refused. Members of `also` stand for
 * those of the class.
 */
export function shapeSchema(shape: Class | null, also: Schema = {}): ShapeSchema {
  const own = (shape ? targetConstructorToSchema(shape, OPTIONS as never) : {}) as Partial<ShapeSchema>;
  const merged = {
    ...{ type: 'object', ...own, ...also },
    properties: { ...own.properties, ...(also['properties'] as Record<string, Schema> | undefined) },
    required: [...new Set([...(own.required ?? []), ...((also['required'] ?? []) as string[])])],
    ...(shape && { additionalProperties: false }),
  };
  return withNested(merged, validationMetadatasToSchemas(OPTIONS as never) as Record<string, Schema>);
}

/** Nested shapes in their places. */
function withNested<T>(value: T, all: Record<string, Schema>): T {
  if (Array.isArray(value)) return value.map((one: unknown) => withNested(one, all)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const { $ref } = value as { $ref?: unknown };
  if (typeof $ref === 'string' && $ref.startsWith(NESTED)) return nested($ref.slice(NESTED.length), all) as T;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withNested(member as unknown, all)]),
  ) as T;
}

function nested(name: string, all: Record<string, Schema>): Schema {
  const schema = all[name];
  if (!schema) throw new Error(`a nested member is a ${name}: give it its class with @Type`);
  return { ...withNested(schema, all), type: 'object', additionalProperties: false };
}
