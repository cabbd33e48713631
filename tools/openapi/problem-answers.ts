import { PROBLEMS } from '@assay/contracts';
import type { FieldError, ProblemCode } from '@assay/contracts';
import type { Refusal } from './refusals.js';
import { sample } from './samples.js';
import type { Schema, TypeSchemas } from './type-schemas.js';

const ERRORS: Partial<Record<ProblemCode, FieldError>> = {
  invalid_request: { pointer: '/changed_files', code: 'required', detail: 'must be an array of paths' },
  idempotency_key_mismatch: {
    pointer: '/idempotency_key',
    code: 'idempotency_key_mismatch',
    detail: 'differs from the header',
  },
};

/** Refusals as OpenAPI responses, with a schema and an example for each code. */
export class ProblemAnswers {
  /** Those that say nothing of their route, by their codes. */
  readonly components: Record<string, Schema> = {};

  constructor(private readonly types: TypeSchemas) {}

  /** A route's refusals by status. */
  answersOf(refusals: readonly Refusal[]): Record<string, Schema> {
    const statuses = [...new Set(refusals.map(({ code }) => PROBLEMS[code].status))].sort();
    return Object.fromEntries(
      statuses.map((status) => {
        const same = refusals.filter(({ code }) => PROBLEMS[code].status === status);
        return [String(status), this.#answer(same)];
      }),
    );
  }

  #answer(refusals: readonly Refusal[]): Schema {
    const answer = answerOf(refusals, this.types);
    if (refusals.some(({ extensions }) => extensions)) return answer;
    const codes = refusals.map(({ code }) => code).join('.');
    const alike = !this.components[codes] || JSON.stringify(this.components[codes]) === JSON.stringify(answer);
    const name = alike ? codes : [codes, ...headersOf(refusals)].join('.');
    this.components[name] = answer;
    return { $ref: `#/components/responses/${name}` };
  }
}

function headersOf(refusals: readonly Refusal[]): string[] {
  return [...new Set(refusals.flatMap(({ headers }) => headers.map((name) => name.toLowerCase())))].sort();
}

function answerOf(refusals: readonly Refusal[], types: TypeSchemas): Schema {
  const headers = headersOf(refusals).map((name) => [name, { schema: { type: 'string' } }]);
  const schemas = refusals.map((refusal) => schemaOf(refusal, types));
  return {
    description: refusals.map(({ code }) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) as Schema }),
    content: {
      'application/problem+json': {
        schema: schemas.length === 1 ? schemas[0]! : { oneOf: schemas },
        examples: Object.fromEntries(refusals.map((refusal) => [refusal.code, exampleOf(refusal, types)])),
      },
    },
  };
}

function extensionsOf(
  { extensions }: Refusal,
  types: TypeSchemas,
): { properties: Record<string, Schema>; required: string[] } {
  const schema = extensions ? types.schemaOf(extensions) : {};
  return {
    properties: (schema['properties'] ?? {}) as Record<string, Schema>,
    required: (schema['required'] ?? []) as string[],
  };
}

function schemaOf(refusal: Refusal, types: TypeSchemas): Schema {
  const { properties, required } = extensionsOf(refusal, types);
  const code = { const: refusal.code };
  return {
    allOf: [
      { $ref: '#/components/schemas/ProblemDetails' },
      { type: 'object', properties: { code, ...properties }, ...(required.length > 0 && { required }) },
    ],
  };
}

function exampleOf(refusal: Refusal, types: TypeSchemas): Schema {
  const { code } = refusal;
  const { status, title } = PROBLEMS[code];
  const error = ERRORS[code];
  const { properties, required } = extensionsOf(refusal, types);
  const extensions = required.map((name) => [name, sample(properties[name]!, types.components, name)]);
  return {
    summary: title,
    value: {
      ...{ type: `urn:assay:problem:${code}`, title, status, code },
      ...(error && { errors: [error] }),
      ...Object.fromEntries(extensions),
      correlation_id: 'build-881',
    },
  };
}
