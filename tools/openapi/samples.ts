import type { Schema } from './type-schemas.js';

const ID = '0198c2a4-7f3e-7b52-9c41-5d0e6f1a2b3c';
const TIME = '2026-01-05T09:30:00.000Z';

/** A value that fits a schema, for examples; `name` is the member that holds it. */
export function sample(schema: Schema, components: Record<string, Schema>, name = ''): unknown {
  if (typeof schema['$ref'] === 'string')
    return sample(components[schema['$ref'].split('/').at(-1)!]!, components, name);
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (Array.isArray(schema['anyOf'])) {
    const options = schema['anyOf'] as Schema[];
    // What may be null is: an example of a job that has only begun.
    return options.some(({ type }) => type === 'null') ? null : sample(options[0]!, components, name);
  }
  const kinds = [schema['type']].flat() as string[];
  if (kinds.includes('null')) return null;
  return sampleOf(kinds[0], schema, components, name);
}

function sampleOf(kind: string | undefined, schema: Schema, components: Record<string, Schema>, name: string): unknown {
  switch (kind) {
    case 'object': {
      const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
      const required = (schema['required'] ?? []) as string[];
      return Object.fromEntries(
        required.map((member) => [member, sample(properties[member] ?? {}, components, member)]),
      );
    }
    case 'array':
      return [sample(schema['items'] as Schema, components, name)];
    case 'integer':
    case 'number':
      return 1;
    case 'boolean':
      return false;
    default:
      return textSample(schema, name);
  }
}

function textSample(schema: Schema, name: string): string {
  if (schema['format'] === 'date-time') return TIME;
  return /(^|_)id$/.test(name) ? ID : `<${name || 'text'}>`;
}
