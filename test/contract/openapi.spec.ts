import { PROBLEMS } from '@assay/contracts';
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { SERVICES } from '../../infra/local/service-names.js';
import { routesOf } from '../../tools/openapi/routes.js';

const root = join(import.meta.dirname, '..', '..');

interface Answer {
  $ref?: string;
  content?: Record<string, { schema: object; examples?: Record<string, { value: { code: string; status: number } }> }>;
}
interface Operation {
  security: Record<string, string[]>[];
  responses: Record<string, Answer>;
}
interface ApiDocument {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, Answer>; schemas: Record<string, object> };
}

const read = (service: string) =>
  parse(readFileSync(join(root, 'docs', 'openapi', `${service}.yaml`), 'utf8')) as ApiDocument;

const operationsOf = ({ paths }: ApiDocument) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method} ${path}`, operation })),
  );

function resolved({ components }: ApiDocument, answer: Answer): Answer {
  return answer.$ref ? components.responses[answer.$ref.split('/').at(-1)!]! : answer;
}

describe.each(SERVICES)('docs/openapi of %s', (service) => {
  const document = read(service);

  it('is a valid OpenAPI 3.1 document', async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone(document) as unknown as Record<string, unknown>,
    );
    expect([valid, errors]).toEqual([true, undefined]);
  });

  it('has every route of the service and no other; else run `npm run generate`', async () => {
    const routes = (await routesOf(service)).map(({ method, path }) => `${method} ${path}`);
    expect(
      operationsOf(document)
        .map(({ route }) => route)
        .toSorted(),
    ).toEqual(routes.toSorted());
  });

  it('admits the roles that the code admits', async () => {
    const admitted = Object.fromEntries(
      operationsOf(document).map(({ route, operation }) => [
        route,
        operation.security.flatMap(({ api_key }) => api_key!),
      ]),
    );
    const declared = (await routesOf(service)).map(({ method, path, roles }) => [`${method} ${path}`, roles ?? []]);
    expect(admitted).toEqual(Object.fromEntries(declared));
  });

  it('shows an example of each refusal, which fits its schema and its status', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'document', ...document });
    const refusals = operationsOf(document).flatMap(({ route, operation }) =>
      Object.entries(operation.responses).flatMap(([status, answer]) => {
        const problem = resolved(document, answer).content?.['application/problem+json'];
        return problem ? [{ route, status, problem }] : [];
      }),
    );
    for (const { route, status, problem } of refusals) {
      const schema = JSON.parse(JSON.stringify(problem.schema).replaceAll('"#/', '"document#/')) as object;
      const fits = ajv.compile(schema);
      const codes = JSON.stringify(problem.schema).match(/"const":"\w+"/g) ?? [];
      expect([route, status, Object.keys(problem.examples!)]).toEqual([
        ...[route, status],
        codes.map((code) => code.slice(9, -1)),
      ]);
      for (const { value } of Object.values(problem.examples!)) {
        expect([route, fits(value), fits.errors]).toEqual([route, true, null]);
        expect([value.code, String(value.status)]).toEqual([value.code, status]);
      }
    }
  });
});

it('knows every problem code, but for what no route answers', () => {
  const documents = SERVICES.map((service) => JSON.stringify(read(service)));
  const unknown = Object.keys(PROBLEMS).filter((code) => !documents.some((text) => text.includes(`"const":"${code}"`)));
  // A path without a route, or a route without that method: no operation of a document.
  expect(unknown).toEqual(['method_not_allowed']);
});

it('links to each document', () => {
  const page = readFileSync(join(root, 'docs', 'http-api.md'), 'utf8');
  for (const service of SERVICES) {
    expect(page).toContain(`openapi/${service}.yaml`);
    expect(existsSync(join(root, 'docs', 'openapi', `${service}.yaml`))).toBe(true);
  }
});
